// The server without its socket: bytes of one request in, bytes of one reply and perhaps a descriptor out. Single-threaded.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "gofer/protocol/requests.h"
#include "gofer/server/host_files.h"
#include "gofer/server/node_table.h"
#include "gofer/server/server.h"

namespace ringwall::gofer {

class Service {
 public:
  // Uses everything of `options` but the socket; options.proc_self_fd must be valid.
  explicit Service(ServerOptions options);

  // Gives the calling thread its own working directory (proc_self_fd, which xattr and connect calls name files by) and umask 0.
  Result<void> PrepareThread();

  // False: the client broke the protocol in a way that has no reply; hang up. Otherwise `reply` is to be sent with `donated`.
  bool Handle(std::string_view message, Writer& reply, UniqueFd& donated);
  // Of a reply with several descriptors; `donated` is empty then. Valid until the next request.
  const std::vector<UniqueFd>& donated_list() const { return donated_list_; }
  // Turns a finished reply into an error reply, when the descriptor could not be sent.
  static void MakeError(Errno error, uint64_t id, Writer& reply);

  // EPROTO after a failed handshake: the reply goes out, then the connection ends.
  bool failed() const { return failed_; }
  uint32_t node_count() const { return nodes_.count(); }

 private:
  using Node = NodeTable::Node;
  // A directory that is being listed; d_off cookies belong to the descriptor's file system, not to us.
  struct OpenDirectory {
    NodeId node;
    UniqueFd fd;
    uint64_t position = 0;
    uint64_t used = 0;
  };

  // A Look reply that grows, and how much of scratch_ and of the message it has used.
  struct Looking {
    const Mask<LookFlag> flags;
    LookReply reply;
    size_t scratch = 0;
    size_t bytes = 0;
  };

  template <typename Request>
  void Run(std::string_view body, uint64_t id, Writer& reply, UniqueFd& donated);
  void Forget(std::string_view ids);

  Result<HelloReply> On(const HelloRequest& request, UniqueFd& donated);
  Result<EmptyReply> On(const ForgetRequest& request, UniqueFd& donated);
  // lookup.cc
  Result<NodeReply> On(const AttachRequest& request, UniqueFd& donated);
  Result<WalkReply> On(const WalkRequest& request, UniqueFd& donated);
  Result<AttributesReply> On(const GetAttrRequest& request, UniqueFd& donated);
  Result<ReadLinkReply> On(const ReadLinkRequest& request, UniqueFd& donated);
  Result<ReadDirReply> On(const ReadDirRequest& request, UniqueFd& donated);
  Result<StatFsReply> On(const StatFsRequest& request, UniqueFd& donated);
  // look.cc
  Result<LookReply> On(const LookRequest& request, UniqueFd& donated);
  // open.cc
  Result<AttributesReply> On(const OpenRequest& request, UniqueFd& donated);
  Result<NewNodeReply> On(const CreateRequest& request, UniqueFd& donated);
  Result<EmptyReply> On(const ConnectRequest& request, UniqueFd& donated);
  Result<EmptyReply> On(const FsyncRequest& request, UniqueFd& donated);
  // tree.cc
  Result<NewNodeReply> On(const MkdirRequest& request, UniqueFd& donated);
  Result<NewNodeReply> On(const SymlinkRequest& request, UniqueFd& donated);
  Result<NewNodeReply> On(const MknodRequest& request, UniqueFd& donated);
  Result<LinkReply> On(const LinkRequest& request, UniqueFd& donated);
  Result<AttributesReply> On(const UnlinkRequest& request, UniqueFd& donated);
  Result<RenameReply> On(const RenameRequest& request, UniqueFd& donated);
  // attributes.cc
  Result<AttributesReply> On(const SetAttrRequest& request, UniqueFd& donated);
  Result<XattrReply> On(const GetXattrRequest& request, UniqueFd& donated);
  Result<EmptyReply> On(const SetXattrRequest& request, UniqueFd& donated);
  Result<ListXattrReply> On(const ListXattrRequest& request, UniqueFd& donated);
  Result<EmptyReply> On(const RemoveXattrRequest& request, UniqueFd& donated);

  // ENOTDIR when it is something else.
  Result<Node> FindDirectory(NodeId id) const;
  // Checks a name to be made or removed: EROFS, then the name's own error.
  Result<Node> FindForChange(NodeId directory, std::string_view name) const;
  Result<void> CheckWritable(const Node& node) const;
  // The very file of a node, opened anew through /proc/self/fd.
  Result<UniqueFd> Reopen(int fd, int flags) const;
  // Opens one component and makes it a node.
  Result<NodeReply> AddChild(const Node& directory, const char* name);
  Result<NodeReply> AddNode(UniqueFd path_fd, uint32_t mount);
  // Gives a file that was just made its owner and mode; `fd` may be O_PATH.
  Result<void> SetOwnerAndMode(int fd, const NewFile& file) const;
  // Ends every maker of names: opens what `name` became, checks that it is ours, sets owner and mode; undoes on failure.
  Result<NewNodeReply> FinishNew(const Node& directory, const char* name, const NewFile& file, uint32_t type);
  Result<std::string_view> ReadTarget(int fd);
  Result<UniqueFd> OpenRegular(int fd, Mask<OpenFlag> flags, int extra) const;
  OpenDirectory* FindOpenDirectory(NodeId id);
  // `list`: it may be a directory.
  void LookAt(const Node& directory, uint32_t parent, const Name& name, bool list, Looking& looking);
  void LookBelow(size_t top, Looking& looking);
  bool HasRoom(const Looking& looking) const;
  // The whole directory, when it is small. False: nothing was added.
  bool ListWhole(int fd, Looking& looking, LookResult& result);
  void ReadWhole(int fd, uint64_t size, Looking& looking, LookResult& result);

  const ServerOptions options_;
  const uint32_t euid_;  // owner of what we make, before it is given away
  NodeTable nodes_;
  std::vector<UniqueFd> donated_list_;
  bool greeted_ = false;
  bool failed_ = false;
  uint64_t clock_ = 0;  // of the listing cache
  std::array<OpenDirectory, 8> listings_;
  const std::unique_ptr<char[]> scratch_;  // what a reply's Bytes point into; touched only as far as used
};

}  // namespace ringwall::gofer
