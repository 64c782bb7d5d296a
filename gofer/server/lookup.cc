// Requests that look: Attach, Walk, GetAttr, ReadLink, ReadDir, StatFs.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "gofer/server/service.h"

namespace ringwall::gofer {

Result<NodeReply> Service::On(const AttachRequest& request, UniqueFd&) {
  if (request.mount >= options_.mounts.size()) return Errno::kENOENT;
  if (nodes_.full()) return Errno::kENFILE;
  UniqueFd fd = TRY(Reopen(options_.mounts[request.mount].root.get(), O_PATH));
  return AddNode(std::move(fd), request.mount);
}

Result<WalkReply> Service::On(const WalkRequest& request, UniqueFd& donated) {
  Node current = TRY(FindDirectory(request.directory));
  for (const Name& name : request.names.items) {
    if (!ValidComponent(name.view())) return ComponentError(name.view());
  }
  WalkReply reply;
  for (const Name& name : request.names.items) {
    if (!current.directory()) {
      reply.stop = current.type == kTypeSymlink ? WalkStop::kSymlink : WalkStop::kNotDirectory;
      break;
    }
    auto child = AddChild(current, ComponentString(name.view()).c_str());
    if (!child.ok()) {
      reply.stop = child.error() == Errno::kENOENT ? WalkStop::kMissing : WalkStop::kError;
      if (reply.stop == WalkStop::kError) reply.error = static_cast<int32_t>(child.error());
      break;
    }
    current = TRY(nodes_.Find(child->node));
    reply.nodes.items.push_back(*child);
  }
  if (reply.nodes.items.empty()) return reply;
  const Attributes& last = reply.nodes.items.back().attributes;
  if (request.flags.Has(WalkFlag::kReadLink) && last.type() == kTypeSymlink) {
    // Best effort: the client asks again with ReadLink and sees the error.
    if (auto target = ReadTarget(current.fd); target.ok()) reply.target.data = *target;
  }
  if (request.flags.Has(WalkFlag::kOpenRead) && reply.stop == WalkStop::kDone && last.type() == kTypeRegular) {
    if (auto fd = OpenRegular(current.fd, OpenFlag::kRead, 0); fd.ok()) {
      donated = std::move(fd).value();
      reply.opened = true;
    }
  }
  return reply;
}

Result<AttributesReply> Service::On(const GetAttrRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  AttributesReply reply;
  reply.attributes = TRY(StatFd(node.fd));
  return reply;
}

Result<std::string_view> Service::ReadTarget(int fd) {
  // readlink(2): an empty path names the O_PATH descriptor itself. One byte more than allowed, to tell "exactly full" from "cut".
  const ssize_t n = readlinkat(fd, "", scratch_.get(), kMaxLinkTarget + 1);
  if (n < 0) return LastError();
  if (static_cast<size_t>(n) > kMaxLinkTarget) return Errno::kENAMETOOLONG;
  return std::string_view(scratch_.get(), static_cast<size_t>(n));
}

Result<ReadLinkReply> Service::On(const ReadLinkRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  if (node.type != kTypeSymlink) return Errno::kEINVAL;
  ReadLinkReply reply;
  reply.target.data = TRY(ReadTarget(node.fd));
  return reply;
}

Service::OpenDirectory* Service::FindOpenDirectory(NodeId id) {
  if (id.value == 0) return nullptr;
  for (OpenDirectory& listing : listings_) {
    if (listing.node == id) return &listing;
  }
  return nullptr;
}

Result<ReadDirReply> Service::On(const ReadDirRequest& request, UniqueFd&) {
  const Node node = TRY(FindDirectory(request.directory));
  OpenDirectory* listing = FindOpenDirectory(request.directory);
  if (listing == nullptr) {
    UniqueFd fd = TRY(Reopen(node.fd, O_RDONLY | O_DIRECTORY));
    listing = &*std::min_element(listings_.begin(), listings_.end(),
                                 [](const OpenDirectory& a, const OpenDirectory& b) { return a.used < b.used; });
    *listing = OpenDirectory{request.directory, std::move(fd), 0, 0};
  }
  listing->used = ++clock_;
  // A hostile cookie is only a position in the client's own listing. Position 0 always rewinds, to see new entries.
  if (request.cookie == 0 || listing->position != request.cookie) {
    if (lseek(listing->fd.get(), static_cast<off_t>(request.cookie), SEEK_SET) < 0) return LastError();
  }
  const long n = syscall(SYS_getdents64, listing->fd.get(), scratch_.get(), kMaxDirectoryBytes);
  if (n < 0) {
    const Errno error = LastError();
    *listing = OpenDirectory{};
    return error;
  }
  ReadDirReply reply;
  reply.next = request.cookie;
  for (long at = 0; at < n;) {
    const auto* entry = reinterpret_cast<const dirent64*>(scratch_.get() + at);
    at += entry->d_reclen;
    reply.next = static_cast<uint64_t>(entry->d_off);
    DirectoryEntry out;
    out.name.text.data = entry->d_name;
    // "." and ".." fall out here too, as does what a broken file system may invent.
    if (!out.Valid()) continue;
    out.ino = entry->d_ino;
    out.next = reply.next;
    out.type = EntryTypeOfHost(entry->d_type);
    reply.entries.items.push_back(out);
  }
  // The entries that fell out at the end of the batch need no request of their own,
  if (!reply.entries.items.empty()) reply.entries.items.back().next = reply.next;
  listing->position = reply.next;
  reply.end = n == 0;
  // and neither does the news that a small directory has no more: asking the host again costs a microsecond. The names above are still in
  // the scratch buffer's front.
  constexpr size_t kBiggestEntry = sizeof(dirent64);
  if (n > 0 && static_cast<size_t>(n) + kBiggestEntry <= kMaxDirectoryBytes) {
    const long more = syscall(SYS_getdents64, listing->fd.get(), scratch_.get() + n, kBiggestEntry);
    reply.end = more == 0;
    if (more != 0) listing->position = ~reply.next;  // moved: the next request seeks
  }
  return reply;
}

Result<StatFsReply> Service::On(const StatFsRequest& request, UniqueFd&) {
  const Node node = TRY(nodes_.Find(request.node));
  struct statfs st;
  if (fstatfs(node.fd, &st) != 0) return LastError();
  StatFsReply reply;
  reply.type = static_cast<uint64_t>(st.f_type);
  reply.block_size = static_cast<uint64_t>(st.f_bsize);
  reply.fragment_size = static_cast<uint64_t>(st.f_frsize);
  reply.blocks = st.f_blocks;
  reply.blocks_free = st.f_bfree;
  reply.blocks_available = st.f_bavail;
  reply.files = st.f_files;
  reply.files_free = st.f_ffree;
  reply.name_length = static_cast<uint64_t>(st.f_namelen);
  static_assert(sizeof st.f_fsid == sizeof reply.fsid);
  memcpy(&reply.fsid, &st.f_fsid, sizeof reply.fsid);
  reply.flags = static_cast<uint64_t>(st.f_flags);
  return reply;
}

}  // namespace ringwall::gofer
