// Dispatch of gofer requests: decode, run, encode.
#include "gofer/server/service.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ringwall::gofer {

Service::Service(ServerOptions options)
    : options_(std::move(options)), euid_(geteuid()), nodes_(options_.max_nodes), scratch_(new char[kMaxMessage]) {}

Result<void> Service::PrepareThread() {
  if (unshare(CLONE_FS) != 0) return LastError();
  if (fchdir(options_.proc_self_fd.get()) != 0) return LastError();
  umask(0);
  return {};
}

void Service::MakeError(Errno error, uint64_t id, Writer& reply) {
  reply.Truncate(0);
  MessageHeader header{0, kErrorReply, 0, id};
  reply.Raw(&header, sizeof header);
  Put(reply, ErrorReply{static_cast<int32_t>(error)});
  header.length = static_cast<uint32_t>(reply.size());
  reply.Patch(0, &header, sizeof header);
}

template <typename Request>
void Service::Run(std::string_view body, uint64_t id, Writer& reply, UniqueFd& donated) {
  Request request;
  if (!Decode(body, request)) {
    MakeError(Errno::kEPROTO, id, reply);
    return;
  }
  auto result = On(request, donated);
  if (!result.ok()) {
    donated.reset();
    donated_list_.clear();
    MakeError(result.error(), id, reply);
    return;
  }
  MessageHeader header{0, ReplyType(Request::kType), 0, id};
  reply.Truncate(0);
  reply.Raw(&header, sizeof header);
  Put(reply, *result);
  if (!reply.ok()) {
    donated.reset();
    donated_list_.clear();
    MakeError(Errno::kEOVERFLOW, id, reply);
    return;
  }
  header.length = static_cast<uint32_t>(reply.size());
  reply.Patch(0, &header, sizeof header);
}

bool Service::Handle(std::string_view message, Writer& reply, UniqueFd& donated) {
  MessageHeader header;
  donated_list_.clear();
  if (message.size() < sizeof header) return false;
  memcpy(&header, message.data(), sizeof header);
  if (!ValidHeader(header, message.size(), Direction::kRequest)) return false;
  if (!greeted_ && header.type != static_cast<uint16_t>(MessageType::kHello)) return false;
  std::string_view body = message.substr(sizeof header);
  const size_t forget_bytes = header.forget_count * sizeof(uint64_t);
  Forget(body.substr(body.size() - forget_bytes));
  body.remove_suffix(forget_bytes);

  const uint64_t id = header.id;
  switch (static_cast<MessageType>(header.type)) {
    case MessageType::kHello: Run<HelloRequest>(body, id, reply, donated); break;
    case MessageType::kAttach: Run<AttachRequest>(body, id, reply, donated); break;
    case MessageType::kWalk: Run<WalkRequest>(body, id, reply, donated); break;
    case MessageType::kGetAttr: Run<GetAttrRequest>(body, id, reply, donated); break;
    case MessageType::kSetAttr: Run<SetAttrRequest>(body, id, reply, donated); break;
    case MessageType::kOpen: Run<OpenRequest>(body, id, reply, donated); break;
    case MessageType::kCreate: Run<CreateRequest>(body, id, reply, donated); break;
    case MessageType::kMkdir: Run<MkdirRequest>(body, id, reply, donated); break;
    case MessageType::kSymlink: Run<SymlinkRequest>(body, id, reply, donated); break;
    case MessageType::kMknod: Run<MknodRequest>(body, id, reply, donated); break;
    case MessageType::kLink: Run<LinkRequest>(body, id, reply, donated); break;
    case MessageType::kUnlink: Run<UnlinkRequest>(body, id, reply, donated); break;
    case MessageType::kRename: Run<RenameRequest>(body, id, reply, donated); break;
    case MessageType::kReadLink: Run<ReadLinkRequest>(body, id, reply, donated); break;
    case MessageType::kReadDir: Run<ReadDirRequest>(body, id, reply, donated); break;
    case MessageType::kStatFs: Run<StatFsRequest>(body, id, reply, donated); break;
    case MessageType::kGetXattr: Run<GetXattrRequest>(body, id, reply, donated); break;
    case MessageType::kSetXattr: Run<SetXattrRequest>(body, id, reply, donated); break;
    case MessageType::kListXattr: Run<ListXattrRequest>(body, id, reply, donated); break;
    case MessageType::kRemoveXattr: Run<RemoveXattrRequest>(body, id, reply, donated); break;
    case MessageType::kFsync: Run<FsyncRequest>(body, id, reply, donated); break;
    case MessageType::kConnect: Run<ConnectRequest>(body, id, reply, donated); break;
    case MessageType::kLook: Run<LookRequest>(body, id, reply, donated); break;
    case MessageType::kForget: Run<ForgetRequest>(body, id, reply, donated); break;
  }
  // A connection that did not begin with a good Hello is answered once and then over.
  if (!greeted_) failed_ = true;
  return true;
}

void Service::Forget(std::string_view ids) {
  // Unknown ids are the client's own confusion; they harm nobody.
  for (; ids.size() >= sizeof(uint64_t); ids.remove_prefix(sizeof(uint64_t))) {
    NodeId id;
    memcpy(&id.value, ids.data(), sizeof id.value);
    if (OpenDirectory* listing = FindOpenDirectory(id)) *listing = OpenDirectory{};
    nodes_.Forget(id);
  }
}

Result<HelloReply> Service::On(const HelloRequest& request, UniqueFd&) {
  if (greeted_ || request.magic != kMagic || request.version != kVersion || request.max_message < kMaxMessage) {
    return Errno::kEPROTO;
  }
  greeted_ = true;
  HelloReply reply;
  reply.max_nodes = nodes_.max_nodes();
  for (const MountRoot& mount : options_.mounts) {
    MountInfo info;
    if (mount.read_only) info.flags = info.flags | MountFlag::kReadOnly;
    if (mount.exclusive) info.flags = info.flags | MountFlag::kExclusive;
    reply.mounts.items.push_back(info);
  }
  return reply;
}

Result<EmptyReply> Service::On(const ForgetRequest&, UniqueFd&) { return EmptyReply{}; }

Result<NodeTable::Node> Service::FindDirectory(NodeId id) const {
  Node node = TRY(nodes_.Find(id));
  if (!node.directory()) return Errno::kENOTDIR;
  return node;
}

Result<NodeTable::Node> Service::FindForChange(NodeId directory, std::string_view name) const {
  Node node = TRY(FindDirectory(directory));
  if (!ValidComponent(name)) return ComponentError(name);
  TRY(CheckWritable(node));
  return node;
}

Result<void> Service::CheckWritable(const Node& node) const {
  if (options_.mounts[node.mount].read_only) return Errno::kEROFS;
  return {};
}

Result<NodeReply> Service::AddNode(UniqueFd path_fd, uint32_t mount) {
  NodeReply reply;
  reply.attributes = TRY(StatFd(path_fd.get()));
  reply.node = TRY(nodes_.Add(std::move(path_fd), mount, reply.attributes.type()));
  return reply;
}

Result<NodeReply> Service::AddChild(const Node& directory, const char* name) {
  if (nodes_.full()) return Errno::kENFILE;
  UniqueFd fd = TRY(OpenChild(directory.fd, name, options_.mounts[directory.mount].cross_mounts));
  return AddNode(std::move(fd), directory.mount);
}

}  // namespace ringwall::gofer
