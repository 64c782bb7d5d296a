// Every request of the gofer protocol beside its reply. The table in README.md says the same in words.
#pragma once

#include <cstdint>

#include "gofer/protocol/message.h"
#include "gofer/protocol/types.h"

namespace ringwall::gofer {

struct EmptyReply {
  std::tuple<> Fields() const { return {}; }
};

struct ErrorReply {
  int32_t error = 0;
  RINGWALL_WIRE_FIELDS(error)
  // A host errno, never one of our private codes.
  bool Valid() const { return error >= 1 && error <= 133; }
};

// A file that the reply made known.
struct NodeReply {
  NodeId node;
  Attributes attributes;
  RINGWALL_WIRE_FIELDS(node, attributes)
  bool Valid() const { return node.value != 0; }
};

struct AttributesReply {
  Attributes attributes;
  RINGWALL_WIRE_FIELDS(attributes)
};

// A new name in a directory: the file and the directory, whose times and link count changed.
struct NewNodeReply {
  NodeReply file;
  Attributes directory;
  RINGWALL_WIRE_FIELDS(file, directory)
  bool Valid() const { return directory.type() == kTypeDirectory; }
};

struct MountInfo {
  Mask<MountFlag> flags;
  RINGWALL_WIRE_FIELDS(flags)
};

struct HelloReply {
  uint64_t magic = kMagic;
  uint32_t version = kVersion;
  uint32_t max_message = kMaxMessage;
  uint32_t max_nodes = 0;
  List<MountInfo, kMaxMounts> mounts;
  RINGWALL_WIRE_FIELDS(magic, version, max_message, max_nodes, mounts)
};
struct HelloRequest {
  static constexpr MessageType kType = MessageType::kHello;
  using Reply = HelloReply;
  uint64_t magic = kMagic;
  uint32_t version = kVersion;
  uint32_t max_message = kMaxMessage;
  RINGWALL_WIRE_FIELDS(magic, version, max_message)
};

struct AttachRequest {
  static constexpr MessageType kType = MessageType::kAttach;
  using Reply = NodeReply;
  uint32_t mount = 0;
  RINGWALL_WIRE_FIELDS(mount)
};

struct WalkReply {
  List<NodeReply, kMaxWalk> nodes;  // one per resolved name, in order
  WalkStop stop = WalkStop::kDone;
  int32_t error = 0;             // only with kError
  bool opened = false;           // a descriptor came along (kOpenRead)
  Bytes<kMaxLinkTarget> target;  // only with kReadLink, when the last resolved component is a symlink
  RINGWALL_WIRE_FIELDS(nodes, stop, error, opened, target)
  bool Valid() const { return stop == WalkStop::kError ? (error >= 1 && error <= 133) : error == 0; }
};
struct WalkRequest {
  static constexpr MessageType kType = MessageType::kWalk;
  using Reply = WalkReply;
  NodeId directory;
  Mask<WalkFlag> flags;
  List<Name, kMaxWalk> names;
  RINGWALL_WIRE_FIELDS(directory, flags, names)
};

struct GetAttrRequest {
  static constexpr MessageType kType = MessageType::kGetAttr;
  using Reply = AttributesReply;
  NodeId node;
  RINGWALL_WIRE_FIELDS(node)
};

struct SetAttrRequest {
  static constexpr MessageType kType = MessageType::kSetAttr;
  using Reply = AttributesReply;
  NodeId node;
  Mask<SetAttrField> fields;
  uint32_t mode = 0;  // permissions only
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  Timestamp atime;
  Timestamp mtime;
  RINGWALL_WIRE_FIELDS(node, fields, mode, uid, gid, size, atime, mtime)
};

struct OpenRequest {
  static constexpr MessageType kType = MessageType::kOpen;
  using Reply = AttributesReply;  // and one descriptor
  NodeId node;
  Mask<OpenFlag> flags;
  RINGWALL_WIRE_FIELDS(node, flags)
};

// What the four makers of names share. The client has applied umask and the set-group-id rule: mode, uid and gid are final.
struct NewFile {
  NodeId directory;
  Name name;
  uint32_t mode = 0;  // permissions only
  uint32_t uid = 0;
  uint32_t gid = 0;
  RINGWALL_WIRE_FIELDS(directory, name, mode, uid, gid)
};
struct CreateRequest {
  static constexpr MessageType kType = MessageType::kCreate;
  using Reply = NewNodeReply;  // and one descriptor
  NewFile file;
  Mask<OpenFlag> flags;
  RINGWALL_WIRE_FIELDS(file, flags)
};
struct MkdirRequest {
  static constexpr MessageType kType = MessageType::kMkdir;
  using Reply = NewNodeReply;
  NewFile file;
  RINGWALL_WIRE_FIELDS(file)
};
struct SymlinkRequest {
  static constexpr MessageType kType = MessageType::kSymlink;
  using Reply = NewNodeReply;
  NewFile file;
  Bytes<kMaxLinkTarget> target;
  RINGWALL_WIRE_FIELDS(file, target)
};
struct MknodRequest {
  static constexpr MessageType kType = MessageType::kMknod;
  using Reply = NewNodeReply;
  NewFile file;
  uint32_t type = 0;  // kTypeRegular, kTypeFifo or kTypeSocket; devices are refused with EPERM
  RINGWALL_WIRE_FIELDS(file, type)
};

struct LinkReply {
  Attributes file;
  Attributes directory;
  RINGWALL_WIRE_FIELDS(file, directory)
  bool Valid() const { return directory.type() == kTypeDirectory && file.type() != kTypeDirectory; }
};
struct LinkRequest {
  static constexpr MessageType kType = MessageType::kLink;
  using Reply = LinkReply;
  NodeId file;
  NodeId directory;
  Name name;
  RINGWALL_WIRE_FIELDS(file, directory, name)
};

struct UnlinkRequest {
  static constexpr MessageType kType = MessageType::kUnlink;
  using Reply = AttributesReply;  // of the directory
  NodeId directory;
  Name name;
  UnlinkKind kind = UnlinkKind::kFile;
  RINGWALL_WIRE_FIELDS(directory, name, kind)
};

struct RenameReply {
  Attributes old_directory;
  Attributes new_directory;
  RINGWALL_WIRE_FIELDS(old_directory, new_directory)
  bool Valid() const { return old_directory.type() == kTypeDirectory && new_directory.type() == kTypeDirectory; }
};
struct RenameRequest {
  static constexpr MessageType kType = MessageType::kRename;
  using Reply = RenameReply;
  NodeId old_directory;
  Name old_name;
  NodeId new_directory;
  Name new_name;
  Mask<RenameFlag> flags;
  RINGWALL_WIRE_FIELDS(old_directory, old_name, new_directory, new_name, flags)
};

struct ReadLinkReply {
  Bytes<kMaxLinkTarget> target;
  RINGWALL_WIRE_FIELDS(target)
  bool Valid() const { return target.data.find('\0') == std::string_view::npos; }
};
struct ReadLinkRequest {
  static constexpr MessageType kType = MessageType::kReadLink;
  using Reply = ReadLinkReply;
  NodeId node;
  RINGWALL_WIRE_FIELDS(node)
};

// "." and ".." are not listed: the client knows them.
struct DirectoryEntry {
  uint64_t ino = 0;
  uint64_t next = 0;  // cookie that continues after this entry
  EntryType type = EntryType::kUnknown;
  Name name;
  RINGWALL_WIRE_FIELDS(ino, next, type, name)
  bool Valid() const { return ValidComponent(name.view()); }
};
struct ReadDirReply {
  bool end = false;   // nothing follows this batch
  uint64_t next = 0;  // cookie that continues after this batch (a batch may hold no entry and still not be the end)
  List<DirectoryEntry, kMaxDirectoryEntries> entries;
  RINGWALL_WIRE_FIELDS(end, next, entries)
};
struct ReadDirRequest {
  static constexpr MessageType kType = MessageType::kReadDir;
  using Reply = ReadDirReply;
  NodeId directory;
  uint64_t cookie = 0;  // 0: from the start
  RINGWALL_WIRE_FIELDS(directory, cookie)
};

// One name that Look resolved, with all that a walker through the tree asks for next.
struct LookResult {
  uint32_t parent = 0;  // 0: the request's directory; n: the directory of the n-th result, which is listed
  Name name;
  int32_t error = 0;  // why there is no node
  List<NodeReply, 1, 1> node;
  bool listed = false;  // `entries` is the whole directory
  List<DirectoryEntry, kMaxLookEntries, 1> entries;
  bool opened = false;        // a descriptor came along: they are in the order of the results
  bool has_contents = false;  // `contents` is the whole file
  Bytes<kMaxLookContents> contents;
  Bytes<kMaxLinkTarget> target;  // empty: ask ReadLink
  RINGWALL_WIRE_FIELDS(parent, name, error, node, listed, entries, opened, has_contents, contents, target)
  bool Valid() const {
    if (!ValidComponent(name.view()) || target.data.find('\0') != std::string_view::npos) return false;
    if (error < 0 || error > 133 || (error == 0) != (node.items.size() == 1)) return false;
    const uint32_t type = error == 0 ? node.items[0].attributes.type() : 0;
    if (listed ? type != kTypeDirectory : !entries.items.empty()) return false;
    if (has_contents ? type != kTypeRegular || node.items[0].attributes.size != contents.data.size() : !contents.data.empty()) return false;
    if (opened && (type != kTypeRegular || has_contents)) return false;
    return target.data.empty() || type == kTypeSymlink;
  }
};
struct LookReply {
  // Of the request's names, in order, as many as there was room for: at least one. What was found below a name follows it.
  List<LookResult, kMaxLookResults, 1> results;
  RINGWALL_WIRE_FIELDS(results)
};
// Several names of one directory at once, each resolved alone: what readdir and stat of a whole directory need, without a request for
// each. Best effort but for the first name.
struct LookRequest {
  static constexpr MessageType kType = MessageType::kLook;
  using Reply = LookReply;
  NodeId directory;
  Mask<LookFlag> flags;
  List<Name, kMaxLookNames> names;
  RINGWALL_WIRE_FIELDS(directory, flags, names)
};

struct StatFsReply {
  uint64_t type = 0;
  uint64_t block_size = 0;
  uint64_t fragment_size = 0;
  uint64_t blocks = 0;
  uint64_t blocks_free = 0;
  uint64_t blocks_available = 0;
  uint64_t files = 0;
  uint64_t files_free = 0;
  uint64_t name_length = 0;
  uint64_t fsid = 0;
  uint64_t flags = 0;
  RINGWALL_WIRE_FIELDS(type, block_size, fragment_size, blocks, blocks_free, blocks_available, files, files_free, name_length, fsid, flags)
};
struct StatFsRequest {
  static constexpr MessageType kType = MessageType::kStatFs;
  using Reply = StatFsReply;
  NodeId node;
  RINGWALL_WIRE_FIELDS(node)
};

struct XattrReply {
  Bytes<kMaxXattrValue> value;
  RINGWALL_WIRE_FIELDS(value)
};
struct GetXattrRequest {
  static constexpr MessageType kType = MessageType::kGetXattr;
  using Reply = XattrReply;
  NodeId node;
  Bytes<kMaxXattrName> name;
  RINGWALL_WIRE_FIELDS(node, name)
};
struct SetXattrRequest {
  static constexpr MessageType kType = MessageType::kSetXattr;
  using Reply = EmptyReply;
  NodeId node;
  Bytes<kMaxXattrName> name;
  Bytes<kMaxXattrValue> value;
  Mask<XattrFlag> flags;
  RINGWALL_WIRE_FIELDS(node, name, value, flags)
};
struct ListXattrReply {
  Bytes<kMaxXattrList> names;  // each followed by a NUL, as listxattr(2)
  RINGWALL_WIRE_FIELDS(names)
  bool Valid() const { return names.data.empty() || (names.data.front() != '\0' && names.data.back() == '\0'); }
};
struct ListXattrRequest {
  static constexpr MessageType kType = MessageType::kListXattr;
  using Reply = ListXattrReply;
  NodeId node;
  RINGWALL_WIRE_FIELDS(node)
};
struct RemoveXattrRequest {
  static constexpr MessageType kType = MessageType::kRemoveXattr;
  using Reply = EmptyReply;
  NodeId node;
  Bytes<kMaxXattrName> name;
  RINGWALL_WIRE_FIELDS(node, name)
};

struct FsyncRequest {
  static constexpr MessageType kType = MessageType::kFsync;
  using Reply = EmptyReply;
  NodeId node;
  RINGWALL_WIRE_FIELDS(node)
};

struct ConnectRequest {
  static constexpr MessageType kType = MessageType::kConnect;
  using Reply = EmptyReply;  // and one descriptor
  NodeId node;
  SocketKind kind = SocketKind::kStream;
  RINGWALL_WIRE_FIELDS(node, kind)
};

// Carries nothing but the forgets that may ride on any request.
struct ForgetRequest {
  static constexpr MessageType kType = MessageType::kForget;
  using Reply = EmptyReply;
  std::tuple<> Fields() const { return {}; }
};

}  // namespace ringwall::gofer
