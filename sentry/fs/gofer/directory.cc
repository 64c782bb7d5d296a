// Open directories: entries come in batches, positions are the host's own cookies, moved up by two for "." and "..".
#include <utility>
#include <vector>

#include "sentry/fs/gofer/file.h"
#include "sentry/fs/gofer/inode.h"

namespace ringwall::goferfs {

namespace {

constexpr uint8_t kDtDir = 4;
constexpr int64_t kFirst = 2;
constexpr int64_t kEnd = INT64_MAX;

// Hash-ordered host file systems use the whole range of off_t; their last values mean the end.
int64_t ToPosition(uint64_t cookie) { return cookie > static_cast<uint64_t>(kEnd - kFirst) ? kEnd : static_cast<int64_t>(cookie) + kFirst; }
uint64_t ToCookie(int64_t position) { return static_cast<uint64_t>(position - kFirst); }

class GoferDirectory final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kDirectory;
  GoferDirectory(vfs::Path path, uint32_t flags) : File(kKind, std::move(path), flags) {}
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kEISDIR; }

  Result<void> ReadDirAt(Context& ctx, vfs::DirSink& sink, uint64_t& position) override {
    if (position > static_cast<uint64_t>(kEnd)) return {};
    if (position == 0) {
      const vfs::Attributes mine = TRY(inode().GetAttributes(ctx));
      if (!sink.Add(".", mine.ino, kDtDir, 1)) return {};
      position = 1;
      batch_.clear();
      batch_at_ = -1;
      end_ = false;
    }
    if (position == 1) {
      vfs::Attributes up = TRY(inode().GetAttributes(ctx));
      if (const RefPtr<vfs::Dentry> parent = path().dentry->parent()) up = TRY(parent->inode_raw()->GetAttributes(ctx));
      if (!sink.Add("..", up.ino, kDtDir, kFirst)) return {};
      position = kFirst;
    }
    for (;;) {
      const int64_t at = static_cast<int64_t>(position);
      if (at == kEnd) return {};
      if (at != batch_at_ || next_in_batch_ == batch_.size()) {
        if (at == batch_at_ && end_) return {};
        gofer::DirectoryBatch batch = TRY(inode().client().ReadDir(inode().node(), ToCookie(at)));
        batch_ = std::move(batch.entries);
        next_in_batch_ = 0;
        batch_at_ = at;
        end_ = batch.end;
        if (batch_.empty()) {
          const int64_t next = ToPosition(batch.next);
          if (batch.end || next == at) return {};  // no progress is an end, too
          position = static_cast<uint64_t>(next);
          continue;
        }
      }
      while (next_in_batch_ < batch_.size()) {
        const gofer::ListedEntry& entry = batch_[next_in_batch_];
        const int64_t next = ToPosition(entry.next);
        if (!sink.Add(entry.name, entry.ino, static_cast<uint8_t>(entry.type), next)) return {};
        ++next_in_batch_;
        position = static_cast<uint64_t>(next);
        batch_at_ = next;
      }
    }
  }

  Result<void> Sync(Context&, bool) override { return inode().client().Fsync(inode().node()); }

 private:
  GoferInode& inode() const { return static_cast<GoferInode&>(path().inode()); }
  // ReadDirAt has one caller at a time.
  std::vector<gofer::ListedEntry> batch_;
  size_t next_in_batch_ = 0;
  int64_t batch_at_ = -1;  // the position that the rest of the batch continues
  bool end_ = false;       // nothing follows the batch
};

}  // namespace

Ref<vfs::File> OpenDirectory(const vfs::Path& path, uint32_t flags) { return MakeRef<GoferDirectory>(path, flags); }

}  // namespace ringwall::goferfs
