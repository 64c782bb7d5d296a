// Magic links of a task: cwd, root, exe, fd/, and fdinfo/ beside them.
#include <algorithm>
#include <utility>
#include <vector>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "absl/strings/str_format.h"
#include "sentry/fs/proc/instance.h"
#include "sentry/task/executable.h"
#include "sentry/vfs/operations.h"

namespace ringwall::proc {
namespace {

using Follow = kit::MagicLink::Follow;

// A link that leads to what `place` finds; both ways of using it need the right to look.
Ref<kit::Node> Link(kit::KitFs& fs, const Subject& subject, kit::NodeOptions options, const Follow& place) {
  auto follow = [subject, place](Context& ctx) -> Result<vfs::Path> {
    TRY(subject.CheckReadable(ctx));
    return place(ctx);
  };
  auto text = [follow](Context& ctx) -> Result<std::string> {
    const vfs::Path path = TRY(follow(ctx));
    return PlaceName(ctx, path);
  };
  return MakeRef<kit::MagicLink>(fs, std::move(options), follow, text);
}

struct OpenDescriptor {
  Ref<vfs::File> file;
  bool cloexec;
};

Result<OpenDescriptor> FindDescriptor(const Subject& subject, abi::Fd fd) {
  const Ref<vfs::FdTable> fds = TRY(subject.Fds());
  auto file = fds->Get(fd);
  if (!file.ok()) return Errno::kENOENT;
  const auto flags = fds->GetFlags(fd);
  return OpenDescriptor{std::move(file).value(), flags.ok() && flags->cloexec};
}

Ref<kit::Node> DescriptorLink(kit::KitFs& fs, const Subject& subject, abi::Fd fd, const vfs::File& file) {
  // The mode tells how it was opened (proc_pid_fd(5)).
  const uint32_t mode = (file.readable() ? 0500u : 0u) | (file.writable() ? 0300u : 0u);
  kit::NodeOptions options = subject.Options(mode, kFdNumbers + static_cast<uint32_t>(fd));
  options.still_valid = [subject, fd, id = file.id()](Context&) {
    auto now = FindDescriptor(subject, fd);
    return now.ok() && now->file->id() == id;
  };
  auto follow = [subject, fd](Context& ctx) -> Result<vfs::Path> {
    TRY(subject.CheckReadable(ctx));
    const OpenDescriptor open = TRY(FindDescriptor(subject, fd));
    if (!open.file->path()) return Errno::kENXIO;
    return open.file->path();
  };
  auto text = [subject, fd](Context& ctx) -> Result<std::string> {
    TRY(subject.CheckReadable(ctx));
    const OpenDescriptor open = TRY(FindDescriptor(subject, fd));
    return FileName(ctx, open.file);
  };
  return MakeRef<kit::MagicLink>(fs, std::move(options), std::move(follow), std::move(text));
}

Result<std::string> FdinfoText(Context& ctx, const Subject& subject, abi::Fd fd) {
  TRY(subject.CheckReadable(ctx));
  const OpenDescriptor open = TRY(FindDescriptor(subject, fd));
  const vfs::File& file = open.file;
  uint32_t flags = file.flags() | (open.cloexec ? uint32_t{abi::kO_CLOEXEC} : 0u);
  // open(2) of 64-bit programs always sets it.
  if (file.path() && file.path().mount) flags |= abi::kO_LARGEFILE;
  const auto attributes = open.file->GetAttributes(ctx);
  return absl::StrFormat("pos:\t%u\nflags:\t0%o\nmnt_id:\t%d\nino:\t%u\n", file.position(), flags,
                         file.path() && file.path().mount ? file.path().mount->id() : 0, attributes.ok() ? attributes->ino : 0) +
         file.FdInfo();
}

// fd/ and fdinfo/: one name per open descriptor.
Ref<kit::Node> DescriptorDirectory(kit::KitFs& fs, const Subject& subject, kit::NodeOptions options, uint32_t numbers, uint8_t type,
                                   std::function<Ref<kit::Node>(abi::Fd, const vfs::File&)> make) {
  kit::Directory::Dynamic entries;
  entries.lookup = [subject, make = std::move(make)](Context& ctx, std::string_view name) -> Result<Ref<vfs::Inode>> {
    const int32_t fd = ParseNumber(name);
    if (fd < 0) return Errno::kENOENT;
    TRY(subject.CheckReadable(ctx));
    const OpenDescriptor open = TRY(FindDescriptor(subject, static_cast<abi::Fd>(fd)));
    return Ref<vfs::Inode>(make(static_cast<abi::Fd>(fd), open.file));
  };
  entries.list = [subject, numbers, type](Context& ctx, int64_t from) {
    std::vector<kit::Directory::Listed> out;
    if (!subject.CheckReadable(ctx).ok()) return out;
    auto fds = subject.Fds();
    if (!fds.ok()) return out;
    for (const abi::Fd fd : (*fds)->OpenFds()) {
      const auto number = static_cast<int64_t>(fd);
      if (number >= from) out.push_back({std::to_string(number), subject.Ino(numbers + static_cast<uint32_t>(fd)), type, number});
    }
    return out;
  };
  return MakeRef<kit::Directory>(fs, std::move(options), std::move(entries));
}

}  // namespace

Result<Ref<kit::Node>> MakeCwd(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  return Link(fs, subject, std::move(options), [subject](Context&) -> Result<vfs::Path> {
    const Ref<vfs::FsContext> dirs = TRY(subject.Fs());
    return dirs->cwd();
  });
}

Result<Ref<kit::Node>> MakeRoot(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  return Link(fs, subject, std::move(options), [subject](Context&) -> Result<vfs::Path> {
    const Ref<vfs::FsContext> dirs = TRY(subject.Fs());
    return dirs->root();
  });
}

Result<Ref<kit::Node>> MakeExe(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  return Link(fs, subject, std::move(options), [subject](Context&) -> Result<vfs::Path> {
    const Ref<mm::MemoryManager> mm = TRY(subject.Memory());
    const RefPtr<RefCounted> executable = mm->executable();
    if (!executable) return Errno::kENOENT;
    // What exec puts there (mm/memory_manager.h).
    return static_cast<task::Executable&>(*executable).file()->path();
  });
}

Result<Ref<kit::Node>> MakeFd(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  return DescriptorDirectory(fs, subject, std::move(options), kFdNumbers, abi::kDT_LNK,
                             [&fs, subject](abi::Fd fd, const vfs::File& file) { return DescriptorLink(fs, subject, fd, file); });
}

Result<Ref<kit::Node>> MakeFdinfo(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  return DescriptorDirectory(
      fs, subject, std::move(options), kFdinfoNumbers, abi::kDT_REG, [&fs, subject](abi::Fd fd, const vfs::File& file) {
        kit::NodeOptions file_options = subject.Options(0400, kFdinfoNumbers + static_cast<uint32_t>(fd));
        file_options.still_valid = [subject, fd, id = file.id()](Context&) {
          auto now = FindDescriptor(subject, fd);
          return now.ok() && now->file->id() == id;
        };
        return Ref<kit::Node>(
            MakeRef<kit::DynamicFile>(fs, std::move(file_options), [subject, fd](Context& ctx) { return FdinfoText(ctx, subject, fd); }));
      });
}

}  // namespace ringwall::proc
