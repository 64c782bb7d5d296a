// Requests that end in a donated descriptor, and Fsync: Open, Create, Connect.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "gofer/server/service.h"

namespace ringwall::gofer {

namespace {

// EINVAL when neither reading nor writing is asked for.
Result<int> HostOpenFlags(Mask<OpenFlag> flags) {
  const bool read = flags.Has(OpenFlag::kRead);
  const bool write = flags.Has(OpenFlag::kWrite);
  if (!read && !write) return Errno::kEINVAL;
  int host = read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY;
  if (flags.Has(OpenFlag::kTruncate)) host |= O_TRUNC;
  if (flags.Has(OpenFlag::kAppend)) host |= O_APPEND;
  if (flags.Has(OpenFlag::kDirect)) host |= O_DIRECT;
  return host;
}

}  // namespace

Result<UniqueFd> Service::Reopen(int fd, int flags) const {
  // The number is our own, so the magic link leads to exactly the file that was checked, whatever its name is by now.
  const int out = openat(options_.proc_self_fd.get(), FdName(fd).c_str(), flags | O_CLOEXEC | O_NOCTTY);
  if (out < 0) return LastError();
  return UniqueFd(out);
}

Result<UniqueFd> Service::OpenRegular(int fd, Mask<OpenFlag> flags, int extra) const {
  const int host = TRY(HostOpenFlags(flags));
  return Reopen(fd, host | extra);
}

Result<AttributesReply> Service::On(const OpenRequest& request, UniqueFd& donated) {
  const Node node = TRY(nodes_.Find(request.node));
  int extra = 0;
  switch (node.type) {
    case kTypeRegular: break;
    case kTypeDirectory: return Errno::kEISDIR;  // a host directory descriptor would be a way out of every check here
    case kTypeSymlink: return Errno::kELOOP;
    case kTypeFifo:
      if (!options_.allow_fifo_open) return Errno::kEACCES;
      extra = O_NONBLOCK;  // open(2) of a FIFO waits for the other end, and nobody may make this thread wait
      break;
    case kTypeCharDevice:
    case kTypeBlockDevice:
      if (!options_.allow_device_open) return Errno::kEACCES;
      extra = O_NONBLOCK;
      break;
    default: return Errno::kENXIO;
  }
  if (request.flags.Has(OpenFlag::kWrite) || request.flags.Has(OpenFlag::kTruncate)) {
    // Linux lets a FIFO or device of a read-only mount be written (inode_permission); files are not.
    if (node.type == kTypeRegular) TRY(CheckWritable(node));
  }
  donated = TRY(OpenRegular(node.fd, request.flags, extra));
  AttributesReply reply;
  reply.attributes = TRY(StatFd(node.fd));
  return reply;
}

Result<NewNodeReply> Service::On(const CreateRequest& request, UniqueFd& donated) {
  const NewFile& file = request.file;
  const Node directory = TRY(FindForChange(file.directory, file.name.view()));
  if ((file.mode & ~kPermissionMask) != 0) return Errno::kEINVAL;
  const int flags = TRY(HostOpenFlags(request.flags));
  if (nodes_.full()) return Errno::kENFILE;
  const ComponentString name(file.name.view());

  open_how how{};
  how.flags = static_cast<uint64_t>(flags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  how.mode = file.mode & 0777;  // set-id bits only once the owner is right
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  long fd;
  int attempts = 0;
  do {
    fd = syscall(SYS_openat2, directory.fd, name.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++attempts < 8);
  if (fd < 0) return LastError();
  UniqueFd opened(static_cast<int>(fd));

  auto finish = [&]() -> Result<NewNodeReply> {
    TRY(SetOwnerAndMode(opened.get(), file));
    NewNodeReply reply;
    // Through the descriptor, not the name: nobody can have swapped it in between.
    UniqueFd path_fd = TRY(Reopen(opened.get(), O_PATH));
    reply.directory = TRY(StatFd(directory.fd));
    reply.file = TRY(AddNode(std::move(path_fd), directory.mount));
    return reply;
  };
  auto reply = finish();
  if (!reply.ok()) {
    unlinkat(directory.fd, name.c_str(), 0);
    return reply.error();
  }
  donated = std::move(opened);
  return reply;
}

Result<EmptyReply> Service::On(const ConnectRequest& request, UniqueFd& donated) {
  const Node node = TRY(nodes_.Find(request.node));
  if (node.type != kTypeSocket || !options_.allow_connect) return Errno::kECONNREFUSED;
  // Non-blocking for good: connect(2) waits while a listener's backlog is full, and the client polls anyway.
  UniqueFd fd(socket(AF_UNIX, static_cast<int>(request.kind) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return LastError();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Relative to our working directory, /proc/self/fd: a socket's address cannot be given as a descriptor.
  const FdName name(node.fd);
  memcpy(address.sun_path, name.c_str(), strlen(name.c_str()) + 1);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return LastError();
  donated = std::move(fd);
  return EmptyReply{};
}

Result<EmptyReply> Service::On(const FsyncRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  if (node.type != kTypeRegular && node.type != kTypeDirectory) return Errno::kEINVAL;
  UniqueFd fd = TRY(Reopen(node.fd, O_RDONLY));
  if (fsync(fd.get()) != 0) return LastError();
  return EmptyReply{};
}

}  // namespace ringwall::gofer
