// The calls of the gofer client: encode, exchange, check, hand out.
#include "gofer/client/client.h"

#include <algorithm>

#include "host/calls/donated_file.h"

namespace ringwall::gofer {

GoferNode::GoferNode(Ref<GoferClient> client, NodeId id, uint32_t type) : client_(std::move(client)), id_(id), type_(type) {}
GoferNode::~GoferNode() { client_->connection_.QueueForget(id_); }

Errno GoferClient::Broken(const char* why) {
  connection_.Poison(why);
  return Errno::kEIO;
}

template <typename Request>
Result<void> GoferClient::Call(Connection::Exchange& exchange, typename Request::Reply& reply, size_t fds) {
  TRY(connection_.Run(exchange));
  if (!Decode(exchange.body(), reply)) return Broken("a reply does not decode");
  if (exchange.fds().size() != fds) return Broken("a reply has the wrong number of descriptors");
  return {};
}

FoundNode GoferClient::Adopt(const NodeReply& reply) {
  return FoundNode{MakeRef<GoferNode>(Ref<GoferClient>(*this), reply.node, reply.attributes.type()), reply.attributes};
}

namespace {

Result<Name> CheckedName(std::string_view name) {
  if (!ValidComponent(name)) return ComponentError(name);
  return Name{{name}};
}

// What was donated must be what was asked for: a directory or a device from a taken-over gofer would be a tool, and a wrong access
// mode would turn up as a wrong errno in a guest.
bool IsTheFile(int fd, const Attributes& attributes, Mask<OpenFlag> flags) {
  const auto facts = host::DescribeDescriptor(fd);
  if (!facts.ok() || facts->path_only) return false;
  if ((facts->mode & kTypeMask) != attributes.type() || attributes.type() == kTypeDirectory) return false;
  return facts->readable == flags.Has(OpenFlag::kRead) && facts->writable == flags.Has(OpenFlag::kWrite);
}

}  // namespace

Result<Ref<GoferClient>> GoferClient::Connect(UniqueFd socket) {
  Ref<GoferClient> client = MakeRef<GoferClient>(std::move(socket));
  TRY(client->Shake());
  return client;
}

Result<void> GoferClient::Shake() {
  Connection::Exchange exchange{HelloRequest{}};
  HelloReply reply;
  TRY(Call<HelloRequest>(exchange, reply, 0));
  if (reply.magic != kMagic || reply.version != kVersion || reply.max_message < kMaxMessage) {
    (void)Broken("it speaks another version");
    return Errno::kEPROTO;
  }
  max_nodes_ = reply.max_nodes;
  for (const MountInfo& mount : reply.mounts.items) mounts_.push_back(mount.flags);
  return {};
}

Result<FoundNode> GoferClient::Attach(uint32_t mount) {
  AttachRequest request;
  request.mount = mount;
  Connection::Exchange exchange(request);
  NodeReply reply;
  TRY(Call<AttachRequest>(exchange, reply, 0));
  return Adopt(reply);
}

Result<WalkResult> GoferClient::Walk(GoferNode& directory, absl::Span<const std::string_view> names, Mask<WalkFlag> flags) {
  if (names.size() > kMaxWalk) return Errno::kENAMETOOLONG;
  WalkRequest request;
  request.directory = directory.id();
  request.flags = flags;
  for (std::string_view name : names) {
    Name checked = TRY(CheckedName(name));
    request.names.items.push_back(checked);
  }
  Connection::Exchange exchange(request);
  TRY(connection_.Run(exchange));
  WalkReply reply;
  if (!Decode(exchange.body(), reply)) return Broken("a Walk reply does not decode");

  const size_t found = reply.nodes.items.size();
  if (exchange.fds().size() != (reply.opened ? 1 : 0) || (reply.opened && !flags.Has(WalkFlag::kOpenRead))) {
    return Broken("a Walk reply has the wrong number of descriptors");
  }
  // The story must be consistent: all but the last are directories, and the stop fits the count and the last one's type.
  if (found > names.size() || (reply.stop == WalkStop::kDone) != (found == names.size())) return Broken("a Walk reply miscounts");
  for (size_t i = 0; i + 1 < found; i++) {
    if (reply.nodes.items[i].attributes.type() != kTypeDirectory) return Broken("a Walk reply went through a file");
  }
  const uint32_t last = found == 0 ? kTypeDirectory : reply.nodes.items[found - 1].attributes.type();
  const bool stop_fits = reply.stop == WalkStop::kDone || (reply.stop == WalkStop::kSymlink && last == kTypeSymlink) ||
                         (reply.stop == WalkStop::kNotDirectory && last != kTypeSymlink && last != kTypeDirectory) ||
                         ((reply.stop == WalkStop::kMissing || reply.stop == WalkStop::kError) && last == kTypeDirectory);
  if (!stop_fits) return Broken("a Walk reply stopped where it could not");
  if (!reply.target.data.empty() &&
      (last != kTypeSymlink || !flags.Has(WalkFlag::kReadLink) || reply.target.data.find('\0') != std::string_view::npos)) {
    return Broken("a Walk reply has a strange link target");
  }
  WalkResult result;
  if (reply.opened) {
    result.file = std::move(exchange.fds()[0]);
    if (last != kTypeRegular || !IsTheFile(result.file.get(), reply.nodes.items[found - 1].attributes, OpenFlag::kRead)) {
      return Broken("a Walk reply donated another file");
    }
  }
  result.nodes.reserve(found);
  for (const NodeReply& node : reply.nodes.items) result.nodes.push_back(Adopt(node));
  result.stop = reply.stop;
  result.error = static_cast<Errno>(reply.error);
  result.target = std::string(reply.target.data);
  return result;
}

Result<Attributes> GoferClient::GetAttr(GoferNode& node) {
  GetAttrRequest request;
  request.node = node.id();
  Connection::Exchange exchange(request);
  AttributesReply reply;
  TRY(Call<GetAttrRequest>(exchange, reply, 0));
  if (reply.attributes.type() != node.type()) return Broken("a file changed its type");
  return reply.attributes;
}

Result<Attributes> GoferClient::SetAttr(GoferNode& node, const AttributeChange& change) {
  SetAttrRequest request;
  request.node = node.id();
  request.fields = change.fields;
  request.mode = change.mode;
  request.uid = change.uid;
  request.gid = change.gid;
  request.size = change.size;
  request.atime = change.atime;
  request.mtime = change.mtime;
  if (!change.atime.Valid() || !change.mtime.Valid()) return Errno::kEINVAL;
  Connection::Exchange exchange(request);
  AttributesReply reply;
  TRY(Call<SetAttrRequest>(exchange, reply, 0));
  if (reply.attributes.type() != node.type()) return Broken("a file changed its type");
  return reply.attributes;
}

Result<OpenedFile> GoferClient::Open(GoferNode& node, Mask<OpenFlag> flags) {
  OpenRequest request;
  request.node = node.id();
  request.flags = flags;
  Connection::Exchange exchange(request);
  AttributesReply reply;
  TRY(Call<OpenRequest>(exchange, reply, 1));
  if (reply.attributes.type() != node.type()) return Broken("a file changed its type");
  if (!IsTheFile(exchange.fds()[0].get(), reply.attributes, flags)) return Broken("an Open reply donated another file");
  return OpenedFile{std::move(exchange.fds()[0]), reply.attributes};
}

template <typename Request>
Result<NewNode> GoferClient::MakeNode(const Request& request, uint32_t type, size_t fds) {
  if (!ValidComponent(request.file.name.view())) return ComponentError(request.file.name.view());
  Connection::Exchange exchange(request);
  NewNodeReply reply;
  TRY(Call<Request>(exchange, reply, fds));
  if (reply.file.attributes.type() != type) return Broken("a new file has another type");
  FoundNode found = Adopt(reply.file);
  NewNode made{std::move(found.node), found.attributes, reply.directory, UniqueFd()};
  if (fds == 1) made.file = std::move(exchange.fds()[0]);
  return made;
}

namespace {
NewFile Describe(GoferNode& directory, std::string_view name, const NewFileOwner& owner) {
  NewFile file;
  file.directory = directory.id();
  file.name = Name{{name}};
  file.mode = owner.mode;
  file.uid = owner.uid;
  file.gid = owner.gid;
  return file;
}
}  // namespace

Result<NewNode> GoferClient::Create(GoferNode& directory, std::string_view name, const NewFileOwner& owner, Mask<OpenFlag> flags) {
  CreateRequest request;
  request.file = Describe(directory, name, owner);
  request.flags = flags;
  NewNode made = TRY(MakeNode(request, kTypeRegular, 1));
  if (!IsTheFile(made.file.get(), made.attributes, flags)) return Broken("a Create reply donated another file");
  return made;
}

Result<NewNode> GoferClient::Mkdir(GoferNode& directory, std::string_view name, const NewFileOwner& owner) {
  MkdirRequest request;
  request.file = Describe(directory, name, owner);
  return MakeNode(request, kTypeDirectory, 0);
}

Result<NewNode> GoferClient::Symlink(GoferNode& directory, std::string_view name, const NewFileOwner& owner, std::string_view target) {
  if (target.empty()) return Errno::kENOENT;
  if (target.size() > kMaxLinkTarget) return Errno::kENAMETOOLONG;
  SymlinkRequest request;
  request.file = Describe(directory, name, owner);
  request.target.data = target;
  return MakeNode(request, kTypeSymlink, 0);
}

Result<NewNode> GoferClient::Mknod(GoferNode& directory, std::string_view name, const NewFileOwner& owner, uint32_t type) {
  MknodRequest request;
  request.file = Describe(directory, name, owner);
  request.type = type;
  return MakeNode(request, type, 0);
}

Result<LinkedFile> GoferClient::Link(GoferNode& file, GoferNode& directory, std::string_view name) {
  LinkRequest request;
  request.file = file.id();
  request.directory = directory.id();
  request.name = TRY(CheckedName(name));
  Connection::Exchange exchange(request);
  LinkReply reply;
  TRY(Call<LinkRequest>(exchange, reply, 0));
  if (reply.file.type() != file.type()) return Broken("a file changed its type");
  return LinkedFile{reply.file, reply.directory};
}

Result<Attributes> GoferClient::Unlink(GoferNode& directory, std::string_view name, UnlinkKind kind) {
  UnlinkRequest request;
  request.directory = directory.id();
  request.name = TRY(CheckedName(name));
  request.kind = kind;
  Connection::Exchange exchange(request);
  AttributesReply reply;
  TRY(Call<UnlinkRequest>(exchange, reply, 0));
  if (reply.attributes.type() != kTypeDirectory) return Broken("a directory changed its type");
  return reply.attributes;
}

Result<RenamedDirectories> GoferClient::Rename(GoferNode& old_directory, std::string_view old_name, GoferNode& new_directory,
                                               std::string_view new_name, Mask<RenameFlag> flags) {
  RenameRequest request;
  request.old_directory = old_directory.id();
  request.old_name = TRY(CheckedName(old_name));
  request.new_directory = new_directory.id();
  request.new_name = TRY(CheckedName(new_name));
  request.flags = flags;
  Connection::Exchange exchange(request);
  RenameReply reply;
  TRY(Call<RenameRequest>(exchange, reply, 0));
  return RenamedDirectories{reply.old_directory, reply.new_directory};
}

Result<std::string> GoferClient::ReadLink(GoferNode& node) {
  ReadLinkRequest request;
  request.node = node.id();
  Connection::Exchange exchange(request);
  ReadLinkReply reply;
  TRY(Call<ReadLinkRequest>(exchange, reply, 0));
  return std::string(reply.target.data);
}

Result<DirectoryBatch> GoferClient::ReadDir(GoferNode& directory, uint64_t cookie) {
  ReadDirRequest request;
  request.directory = directory.id();
  request.cookie = cookie;
  Connection::Exchange exchange(request);
  ReadDirReply reply;
  TRY(Call<ReadDirRequest>(exchange, reply, 0));
  DirectoryBatch batch;
  batch.end = reply.end;
  batch.next = reply.next;
  batch.entries.reserve(reply.entries.items.size());
  for (const DirectoryEntry& entry : reply.entries.items) {
    batch.entries.push_back({std::string(entry.name.view()), entry.ino, entry.next, entry.type});
  }
  return batch;
}

namespace {
// What Valid() of the single results cannot see: that they answer this question.
bool AnswersLook(const LookReply& reply, absl::Span<const std::string_view> names, Mask<LookFlag> flags) {
  const auto& results = reply.results.items;
  size_t named = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const LookResult& r = results[i];
    if (r.parent == 0) {
      if (named == names.size() || r.name.view() != names[named++]) return false;
    } else if (!flags.Has(LookFlag::kDescend) || r.parent > i || !results[r.parent - 1].listed) {
      return false;
    }
    if ((r.listed && !flags.Has(LookFlag::kList)) || (r.has_contents && !flags.Has(LookFlag::kContents)) ||
        (!r.target.data.empty() && !flags.Has(LookFlag::kReadLink)) || (r.opened && !flags.Has(LookFlag::kOpen))) {
      return false;
    }
  }
  return named != 0;
}
}  // namespace

Result<std::vector<LookedUp>> GoferClient::Look(GoferNode& directory, absl::Span<const std::string_view> names, Mask<LookFlag> flags) {
  if (names.empty() || names.size() > kMaxLookNames) return Errno::kEINVAL;
  LookRequest request;
  request.directory = directory.id();
  request.flags = flags;
  for (std::string_view name : names) {
    Name checked = TRY(CheckedName(name));
    request.names.items.push_back(checked);
  }
  Connection::Exchange exchange(request);
  TRY(connection_.Run(exchange));
  LookReply reply;
  if (!Decode(exchange.body(), reply)) return Broken("a Look reply does not decode");
  const auto& results = reply.results.items;
  const auto opened = static_cast<size_t>(std::count_if(results.begin(), results.end(), [](const LookResult& r) { return r.opened; }));
  if (exchange.fds().size() != opened) return Broken("a Look reply has the wrong number of descriptors");
  if (!AnswersLook(reply, names, flags)) return Broken("a Look reply answers another question");
  std::vector<LookedUp> out(results.size());
  size_t next_file = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const LookResult& from = results[i];
    LookedUp& to = out[i];
    to.parent = from.parent;
    to.name = std::string(from.name.view());
    to.error = static_cast<Errno>(from.error);
    if (from.node.items.empty()) continue;
    FoundNode found = Adopt(from.node.items[0]);
    to.node = std::move(found.node);
    to.attributes = found.attributes;
    to.listed = from.listed;
    to.entries.reserve(from.entries.items.size());
    for (const DirectoryEntry& entry : from.entries.items) {
      to.entries.push_back({std::string(entry.name.view()), entry.ino, entry.next, entry.type});
    }
    to.has_contents = from.has_contents;
    to.contents = std::string(from.contents.data);
    to.target = std::string(from.target.data);
    if (!from.opened) continue;
    to.file = std::move(exchange.fds()[next_file++]);
    if (!IsTheFile(to.file.get(), to.attributes, OpenFlag::kRead)) return Broken("a Look reply donated another file");
  }
  return out;
}

Result<FileSystemStatus> GoferClient::StatFs(GoferNode& node) {
  StatFsRequest request;
  request.node = node.id();
  Connection::Exchange exchange(request);
  StatFsReply r;
  TRY(Call<StatFsRequest>(exchange, r, 0));
  return FileSystemStatus{r.type,  r.block_size, r.fragment_size, r.blocks, r.blocks_free, r.blocks_available,
                          r.files, r.files_free, r.name_length,   r.fsid,   r.flags};
}

Result<std::string> GoferClient::GetXattr(GoferNode& node, std::string_view name) {
  if (name.empty() || name.size() > kMaxXattrName) return Errno::kERANGE;
  GetXattrRequest request;
  request.node = node.id();
  request.name.data = name;
  Connection::Exchange exchange(request);
  XattrReply reply;
  TRY(Call<GetXattrRequest>(exchange, reply, 0));
  return std::string(reply.value.data);
}

Result<void> GoferClient::SetXattr(GoferNode& node, std::string_view name, std::string_view value, Mask<XattrFlag> flags) {
  if (name.empty() || name.size() > kMaxXattrName) return Errno::kERANGE;
  if (value.size() > kMaxXattrValue) return Errno::kE2BIG;
  SetXattrRequest request;
  request.node = node.id();
  request.name.data = name;
  request.value.data = value;
  request.flags = flags;
  Connection::Exchange exchange(request);
  EmptyReply reply;
  return Call<SetXattrRequest>(exchange, reply, 0);
}

Result<std::vector<std::string>> GoferClient::ListXattr(GoferNode& node) {
  ListXattrRequest request;
  request.node = node.id();
  Connection::Exchange exchange(request);
  ListXattrReply reply;
  TRY(Call<ListXattrRequest>(exchange, reply, 0));
  std::vector<std::string> names;
  for (std::string_view rest = reply.names.data; !rest.empty();) {
    const size_t end = rest.find('\0');  // there is one: the list ends with NUL
    if (end == 0 || end > kMaxXattrName) return Broken("a strange attribute name");
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return names;
}

Result<void> GoferClient::RemoveXattr(GoferNode& node, std::string_view name) {
  if (name.empty() || name.size() > kMaxXattrName) return Errno::kERANGE;
  RemoveXattrRequest request;
  request.node = node.id();
  request.name.data = name;
  Connection::Exchange exchange(request);
  EmptyReply reply;
  return Call<RemoveXattrRequest>(exchange, reply, 0);
}

Result<void> GoferClient::Fsync(GoferNode& node) {
  FsyncRequest request;
  request.node = node.id();
  Connection::Exchange exchange(request);
  EmptyReply reply;
  return Call<FsyncRequest>(exchange, reply, 0);
}

Result<UniqueFd> GoferClient::ConnectUnix(GoferNode& node, SocketKind kind) {
  ConnectRequest request;
  request.node = node.id();
  request.kind = kind;
  Connection::Exchange exchange(request);
  EmptyReply reply;
  TRY(Call<ConnectRequest>(exchange, reply, 1));
  const auto facts = host::DescribeDescriptor(exchange.fds()[0].get());
  if (!facts.ok() || (facts->mode & kTypeMask) != kTypeSocket) return Broken("a Connect reply donated no socket");
  return std::move(exchange.fds()[0]);
}

Result<void> GoferClient::FlushForgets() {
  while (connection_.queued_forgets() != 0) {
    Connection::Exchange exchange{ForgetRequest{}};
    EmptyReply reply;
    TRY(Call<ForgetRequest>(exchange, reply, 0));
  }
  return {};
}

}  // namespace ringwall::gofer
