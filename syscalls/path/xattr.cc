// getxattr(2), setxattr(2), listxattr(2), removexattr(2), their l- and f- forms, and those at a directory.
#include <cstring>
#include <string>
#include <vector>

#include "abi/xattr.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

Result<std::string> ReadName(Task& task, UserString user_name) {
  std::string name = TRY(user_name.Read(task.memory(), abi::kXATTR_NAME_MAX + 1, Errno::kERANGE));
  if (name.empty()) return Errno::kERANGE;
  return name;
}

Result<vfs::Path> PathOf(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->path()) return Errno::kEOPNOTSUPP;
  return file->path();
}

// Size 0 asks how much there is; too small a buffer is ERANGE.
Result<int64_t> CopyOut(Task& task, const std::string& bytes, UserBuffer buffer, ByteCount size) {
  if (size.value == 0) return static_cast<int64_t>(bytes.size());
  if (bytes.size() > size.value) return Errno::kERANGE;
  TRY(task.memory().Write(buffer.address, absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size())));
  return static_cast<int64_t>(bytes.size());
}

Result<int64_t> Get(Task& task, const vfs::Path& path, const std::string& name, UserBuffer value, ByteCount size) {
  const std::string bytes = TRY(vfs::GetXattr(task, path, name));
  return CopyOut(task, bytes, value, size);
}

// What is to be set: read before the file is looked for.
struct NewXattr {
  std::string name, value;
  uint32_t flags;
};
Result<NewXattr> ReadNew(Task& task, UserString user_name, UserBuffer value, ByteCount size, RawFlags flags) {
  if ((flags.value & ~(abi::kXATTR_CREATE | abi::kXATTR_REPLACE)) != 0) return Errno::kEINVAL;
  NewXattr made{.name = {}, .value = {}, .flags = flags.value};
  made.name = TRY(ReadName(task, user_name));
  if (size.value > abi::kXATTR_SIZE_MAX) return Errno::kE2BIG;
  made.value.resize(static_cast<size_t>(size.value));
  TRY(task.memory().Read(value.address, absl::Span<std::byte>(reinterpret_cast<std::byte*>(made.value.data()), made.value.size())));
  return made;
}
Result<void> Set(Task& task, const vfs::Path& path, const NewXattr& wanted) {
  return vfs::SetXattr(task, path, wanted.name, wanted.value, wanted.flags);
}

Result<int64_t> List(Task& task, const vfs::Path& path, UserBuffer list, ByteCount size) {
  const std::vector<std::string> names = TRY(vfs::ListXattr(task, path));
  std::string bytes;
  for (const std::string& name : names) {
    bytes += name;
    bytes += '\0';
  }
  if (bytes.size() > abi::kXATTR_LIST_MAX) return Errno::kE2BIG;
  return CopyOut(task, bytes, list, size);
}

Result<void> CheckAtFlags(RawFlags at_flags) {
  if ((at_flags.value & ~(abi::kAT_SYMLINK_NOFOLLOW | abi::kAT_EMPTY_PATH)) != 0) return Errno::kEINVAL;
  return {};
}

// What the *at calls name. A null path with AT_EMPTY_PATH is the descriptor itself.
Result<vfs::Path> PlaceAt(Task& task, Fd dirfd, UserPath path, RawFlags at_flags) {
  TRY(CheckAtFlags(at_flags));
  if (path.is_null() && (at_flags.value & abi::kAT_EMPTY_PATH) != 0) return PathOf(task, dirfd);
  return FindPath(task, dirfd, path, at_flags.value);
}

// struct xattr_args, which may grow: what a newer caller adds must be zero (openat2(2)'s way).
Result<abi::XattrArgs> ReadArgs(Task& task, UserAddr address, uint64_t size) {
  constexpr uint64_t kPage = 4096;
  if (size < sizeof(abi::XattrArgs)) return Errno::kEINVAL;
  if (size > kPage) return Errno::kE2BIG;
  std::vector<std::byte> bytes(size);
  TRY(task.memory().Read(address.value, absl::MakeSpan(bytes)));
  for (size_t i = sizeof(abi::XattrArgs); i < bytes.size(); ++i) {
    if (bytes[i] != std::byte{0}) return Errno::kE2BIG;
  }
  abi::XattrArgs args;
  std::memcpy(&args, bytes.data(), sizeof(args));
  return args;
}

constexpr uint32_t kFollow = 0;
constexpr uint32_t kKeep = abi::kAT_SYMLINK_NOFOLLOW;

}  // namespace

Result<int64_t> SysGetxattr(Task& task, UserPath path, UserString user_name, UserBuffer value, ByteCount size) {
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kFollow));
  return Get(task, found, name, value, size);
}
Result<int64_t> SysLgetxattr(Task& task, UserPath path, UserString user_name, UserBuffer value, ByteCount size) {
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kKeep));
  return Get(task, found, name, value, size);
}
Result<int64_t> SysFgetxattr(Task& task, Fd fd, UserString user_name, UserBuffer value, ByteCount size) {
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(PathOf(task, fd));
  return Get(task, found, name, value, size);
}
Result<void> SysSetxattr(Task& task, UserPath path, UserString name, UserBuffer value, ByteCount size, RawFlags flags) {
  const NewXattr wanted = TRY(ReadNew(task, name, value, size, flags));
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kFollow));
  return Set(task, found, wanted);
}
Result<void> SysLsetxattr(Task& task, UserPath path, UserString name, UserBuffer value, ByteCount size, RawFlags flags) {
  const NewXattr wanted = TRY(ReadNew(task, name, value, size, flags));
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kKeep));
  return Set(task, found, wanted);
}
Result<void> SysFsetxattr(Task& task, Fd fd, UserString name, UserBuffer value, ByteCount size, RawFlags flags) {
  const NewXattr wanted = TRY(ReadNew(task, name, value, size, flags));
  const vfs::Path found = TRY(PathOf(task, fd));
  return Set(task, found, wanted);
}
Result<int64_t> SysListxattr(Task& task, UserPath path, UserBuffer list, ByteCount size) {
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kFollow));
  return List(task, found, list, size);
}
Result<int64_t> SysLlistxattr(Task& task, UserPath path, UserBuffer list, ByteCount size) {
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kKeep));
  return List(task, found, list, size);
}
Result<int64_t> SysFlistxattr(Task& task, Fd fd, UserBuffer list, ByteCount size) {
  const vfs::Path found = TRY(PathOf(task, fd));
  return List(task, found, list, size);
}
Result<void> SysRemovexattr(Task& task, UserPath path, UserString user_name) {
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kFollow));
  return vfs::RemoveXattr(task, found, name);
}
Result<void> SysLremovexattr(Task& task, UserPath path, UserString user_name) {
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, kKeep));
  return vfs::RemoveXattr(task, found, name);
}
Result<void> SysFremovexattr(Task& task, Fd fd, UserString user_name) {
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(PathOf(task, fd));
  return vfs::RemoveXattr(task, found, name);
}

Result<int64_t> SysGetxattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserString user_name, UserAddr user_args,
                              uint64_t size) {
  const abi::XattrArgs args = TRY(ReadArgs(task, user_args, size));
  if (args.flags != 0) return Errno::kEINVAL;
  TRY(CheckAtFlags(at_flags));
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(PlaceAt(task, dirfd, path, at_flags));
  return Get(task, found, name, UserBuffer{args.value}, ByteCount{args.size});
}
Result<void> SysSetxattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserString name, UserAddr user_args, uint64_t size) {
  const abi::XattrArgs args = TRY(ReadArgs(task, user_args, size));
  TRY(CheckAtFlags(at_flags));
  const NewXattr wanted = TRY(ReadNew(task, name, UserBuffer{args.value}, ByteCount{args.size}, RawFlags{args.flags}));
  const vfs::Path found = TRY(PlaceAt(task, dirfd, path, at_flags));
  return Set(task, found, wanted);
}
Result<int64_t> SysListxattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserBuffer list, ByteCount size) {
  const vfs::Path found = TRY(PlaceAt(task, dirfd, path, at_flags));
  return List(task, found, list, size);
}
Result<void> SysRemovexattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserString user_name) {
  TRY(CheckAtFlags(at_flags));
  const std::string name = TRY(ReadName(task, user_name));
  const vfs::Path found = TRY(PlaceAt(task, dirfd, path, at_flags));
  return vfs::RemoveXattr(task, found, name);
}

}  // namespace ringwall::syscalls
