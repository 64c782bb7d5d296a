// getdents(2), getdents64(2).
#include <cstring>
#include <vector>

#include "abi/dirent.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/notify.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

enum class Layout : uint8_t { kDirent, kDirent64 };

// Records are gathered here and copied out once. The position of the directory moves only over what the guest got.
class RecordSink final : public vfs::DirSink {
 public:
  RecordSink(Layout layout, size_t limit) : layout_(layout), limit_(limit) {}
  bool Add(std::string_view name, uint64_t ino, uint8_t type, int64_t next) override {
    const size_t head = layout_ == Layout::kDirent64 ? sizeof(abi::Dirent64) : sizeof(abi::Dirent);
    // The old layout keeps the type in the last byte of the record.
    const size_t tail = layout_ == Layout::kDirent64 ? 1 : 2;
    const size_t length = (head + name.size() + tail + 7) & ~size_t{7};
    if (bytes_.size() + length > limit_) {
      full_ = true;
      return false;
    }
    const size_t at = bytes_.size();
    bytes_.resize(at + length);
    if (layout_ == Layout::kDirent64) {
      abi::Dirent64 d;
      d.d_ino = ino;
      d.d_off = next;
      d.d_reclen = static_cast<uint16_t>(length);
      d.d_type = type;
      std::memcpy(bytes_.data() + at, &d, sizeof(d));
    } else {
      abi::Dirent d;
      d.d_ino = ino;
      d.d_off = static_cast<uint64_t>(next);
      d.d_reclen = static_cast<uint16_t>(length);
      std::memcpy(bytes_.data() + at, &d, sizeof(d));
      bytes_[at + length - 1] = static_cast<std::byte>(type);
    }
    std::memcpy(bytes_.data() + at + head, name.data(), name.size());
    return true;
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  bool full() const { return full_; }

 private:
  const Layout layout_;
  const size_t limit_;
  std::vector<std::byte> bytes_;
  bool full_ = false;
};

Result<int64_t> GetDents(Task& task, Fd fd, UserBuffer buffer, uint32_t size, Layout layout) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  // One call's worth is bounded whatever the guest's buffer is.
  constexpr size_t kMaxBytes = 256 * 1024;
  RecordSink sink(layout, std::min<size_t>(size, kMaxBytes));
  const uint64_t before = file->position();
  TRY(file->ReadDir(task, sink));
  vfs::NotifyFile(file, abi::kIN_ACCESS);
  if (sink.bytes().empty()) return sink.full() ? Result<int64_t>(Errno::kEINVAL) : 0;
  auto written = task.memory().Write(buffer.address, sink.bytes());
  if (!written.ok()) {
    file->SetPosition(before);
    return written.error();
  }
  return static_cast<int64_t>(sink.bytes().size());
}

}  // namespace

Result<int64_t> SysGetdents(Task& task, Fd fd, UserBuffer buffer, uint32_t size) {
  return GetDents(task, fd, buffer, size, Layout::kDirent);
}
Result<int64_t> SysGetdents64(Task& task, Fd fd, UserBuffer buffer, uint32_t size) {
  return GetDents(task, fd, buffer, size, Layout::kDirent64);
}

}  // namespace ringwall::syscalls
