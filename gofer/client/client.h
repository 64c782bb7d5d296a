// GoferClient: the sentry's way to host files. Synchronous and thread-safe; every answer is checked before it is believed.
//
// Calls may block for as long as the host's file system does: never make one under a lock. Node arguments must be of this client.
// A gofer that is gone or breaks the protocol gives EIO from then on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "base/ref/ref.h"
#include "gofer/client/connection.h"
#include "gofer/client/node.h"
#include "gofer/protocol/types.h"

namespace ringwall::gofer {

struct FoundNode {
  Ref<GoferNode> node;
  Attributes attributes;
};

struct WalkResult {
  std::vector<FoundNode> nodes;  // one per resolved name
  WalkStop stop = WalkStop::kDone;
  Errno error{};       // only with kError
  std::string target;  // with kReadLink, of a symlink that the walk ended on (may be empty: ask ReadLink)
  UniqueFd file;       // with kOpenRead, when the gofer could open the regular file at the end
};

struct OpenedFile {
  UniqueFd file;
  Attributes attributes;  // after a truncation
};

struct NewNode {
  Ref<GoferNode> node;
  Attributes attributes;
  Attributes directory;  // of the directory, after the change
  UniqueFd file;         // Create only
};

// Who a new file belongs to. The caller has applied umask and the set-group-id rule of inode(7).
struct NewFileOwner {
  uint32_t mode = 0;  // permissions
  uint32_t uid = 0;
  uint32_t gid = 0;
};

struct LinkedFile {
  Attributes file;
  Attributes directory;
};

struct RenamedDirectories {
  Attributes old_directory;
  Attributes new_directory;
};

struct AttributeChange {
  Mask<SetAttrField> fields;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  Timestamp atime;
  Timestamp mtime;
};

struct ListedEntry {
  std::string name;
  uint64_t ino = 0;
  uint64_t next = 0;  // continues after this entry
  EntryType type = EntryType::kUnknown;
};
struct DirectoryBatch {
  std::vector<ListedEntry> entries;  // without "." and ".."; may be empty before the end
  uint64_t next = 0;                 // continues after this batch
  bool end = false;                  // nothing follows this batch
};

// A name that Look resolved.
struct LookedUp {
  size_t parent = 0;  // 0: the directory that was asked about; n: that of the n-th result
  std::string name;
  Errno error{};  // when there is no node
  RefPtr<GoferNode> node;
  Attributes attributes;
  bool listed = false;
  std::vector<ListedEntry> entries;  // the whole directory, when listed
  bool has_contents = false;
  std::string contents;  // the whole file
  std::string target;    // of a symlink, or empty
  UniqueFd file;         // for reading, with kOpen
};

struct FileSystemStatus {
  uint64_t type = 0, block_size = 0, fragment_size = 0, blocks = 0, blocks_free = 0, blocks_available = 0, files = 0, files_free = 0,
           name_length = 0, fsid = 0, flags = 0;  // statfs(2)
};

class GoferClient final : public RefCounted {
 public:
  // Shakes hands: EPROTO when the other end speaks another version.
  static Result<Ref<GoferClient>> Connect(UniqueFd socket);

  uint32_t mount_count() const { return static_cast<uint32_t>(mounts_.size()); }
  // Only for index < mount_count().
  Mask<MountFlag> mount_flags(uint32_t index) const { return mounts_[index]; }
  // How many nodes the gofer holds at most; the next one is ENFILE. Caches should stay well below.
  uint32_t max_nodes() const { return max_nodes_; }
  bool dead() const { return connection_.dead(); }

  Result<FoundNode> Attach(uint32_t mount);
  // At most kMaxWalk names, each a valid component. A name that is missing is not an error of the call: see WalkResult::stop.
  Result<WalkResult> Walk(GoferNode& directory, absl::Span<const std::string_view> names, Mask<WalkFlag> flags = {});
  Result<Attributes> GetAttr(GoferNode& node);
  Result<Attributes> SetAttr(GoferNode& node, const AttributeChange& change);
  // Regular files (others by the gofer's policy). The descriptor has exactly the access asked for.
  Result<OpenedFile> Open(GoferNode& node, Mask<OpenFlag> flags);
  // Always exclusive: EEXIST when the name is taken.
  Result<NewNode> Create(GoferNode& directory, std::string_view name, const NewFileOwner& owner, Mask<OpenFlag> flags);
  Result<NewNode> Mkdir(GoferNode& directory, std::string_view name, const NewFileOwner& owner);
  Result<NewNode> Symlink(GoferNode& directory, std::string_view name, const NewFileOwner& owner, std::string_view target);
  // type: kTypeRegular, kTypeFifo or kTypeSocket.
  Result<NewNode> Mknod(GoferNode& directory, std::string_view name, const NewFileOwner& owner, uint32_t type);
  Result<LinkedFile> Link(GoferNode& file, GoferNode& directory, std::string_view name);
  // The directory's attributes after the change.
  Result<Attributes> Unlink(GoferNode& directory, std::string_view name, UnlinkKind kind);
  Result<RenamedDirectories> Rename(GoferNode& old_directory, std::string_view old_name, GoferNode& new_directory,
                                    std::string_view new_name, Mask<RenameFlag> flags = {});
  Result<std::string> ReadLink(GoferNode& node);
  Result<DirectoryBatch> ReadDir(GoferNode& directory, uint64_t cookie);
  // Several names of one directory, at most kMaxLookNames and at least one; the answers may be fewer, but the first name's is there.
  // With kDescend, what is below a name follows it.
  Result<std::vector<LookedUp>> Look(GoferNode& directory, absl::Span<const std::string_view> names, Mask<LookFlag> flags);
  Result<FileSystemStatus> StatFs(GoferNode& node);
  Result<std::string> GetXattr(GoferNode& node, std::string_view name);
  Result<void> SetXattr(GoferNode& node, std::string_view name, std::string_view value, Mask<XattrFlag> flags = {});
  Result<std::vector<std::string>> ListXattr(GoferNode& node);
  Result<void> RemoveXattr(GoferNode& node, std::string_view name);
  Result<void> Fsync(GoferNode& node);
  // A non-blocking host socket connected to the unix socket at the node. ECONNREFUSED unless the gofer's policy allows it.
  Result<UniqueFd> ConnectUnix(GoferNode& node, SocketKind kind);
  // Sends the forgets that wait for a next request.
  Result<void> FlushForgets();

 private:
  friend class GoferNode;
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);
  explicit GoferClient(UniqueFd socket) : connection_(std::move(socket)) {}

  // Sends, waits, decodes; a reply that does not decode or has another number of descriptors poisons the connection.
  template <typename Request>
  Result<void> Call(Connection::Exchange& exchange, typename Request::Reply& reply, size_t fds);
  template <typename Request>
  Result<NewNode> MakeNode(const Request& request, uint32_t type, size_t fds);
  Result<void> Shake();
  FoundNode Adopt(const NodeReply& reply);
  // EIO, and the end of the connection.
  Errno Broken(const char* why);

  Connection connection_;
  std::vector<Mask<MountFlag>> mounts_;  // both immutable after Connect
  uint32_t max_nodes_ = 0;
};

}  // namespace ringwall::gofer
