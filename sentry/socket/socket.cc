// What sockets of all families have in common: the open file of a socket(7), read(2) and write(2) on it.
#include "sentry/socket/socket.h"

#include "abi/stat.h"
#include "absl/strings/str_cat.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/vfs/operations.h"

namespace ringwall::socket {

namespace {

vfs::Path NewPath(Context& ctx) {
  const Ref<anon::AnonInode> inode = MakeRef<anon::AnonInode>(anon::SockFs(), ctx, abi::kS_IFSOCK | 0777);
  return vfs::AnonymousPath(inode, absl::StrCat("socket:[", inode->ino(), "]"));
}

}  // namespace

Socket::Socket(Context& ctx, int32_t family, int32_t type, int32_t protocol)
    : File(kKind, NewPath(ctx), abi::kO_RDWR), family_(family), type_(type), protocol_(protocol) {}

Result<size_t> Socket::Read(Context& ctx, mm::IoSink& sink) {
  // Unlike recv(2), an empty read never waits and takes no message.
  if (sink.remaining() == 0) return size_t{0};
  ReceiveResult result;
  return ReceiveMsg(ctx, sink, 0, result);
}

Result<size_t> Socket::Write(Context& ctx, mm::IoSource& source) {
  SendRequest request;
  BlockOn block;
  return SendMsg(ctx, source, request, block);
}

uint64_t Socket::inode() const { return static_cast<const anon::AnonInode&>(path().inode()).ino(); }

std::string Socket::DisplayName() const { return path().dentry->name(); }

}  // namespace ringwall::socket
