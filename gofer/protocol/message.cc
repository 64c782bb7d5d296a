// Gofer message headers: validity and names.
#include "gofer/protocol/message.h"

namespace ringwall::gofer {

const char* MessageTypeName(uint16_t type) {
  if (type == kErrorReply) return "Error";
  switch (static_cast<MessageType>(type & ~kReplyBit)) {
    case MessageType::kHello: return "Hello";
    case MessageType::kAttach: return "Attach";
    case MessageType::kWalk: return "Walk";
    case MessageType::kGetAttr: return "GetAttr";
    case MessageType::kSetAttr: return "SetAttr";
    case MessageType::kOpen: return "Open";
    case MessageType::kCreate: return "Create";
    case MessageType::kMkdir: return "Mkdir";
    case MessageType::kSymlink: return "Symlink";
    case MessageType::kMknod: return "Mknod";
    case MessageType::kLink: return "Link";
    case MessageType::kUnlink: return "Unlink";
    case MessageType::kRename: return "Rename";
    case MessageType::kReadLink: return "ReadLink";
    case MessageType::kReadDir: return "ReadDir";
    case MessageType::kStatFs: return "StatFs";
    case MessageType::kGetXattr: return "GetXattr";
    case MessageType::kSetXattr: return "SetXattr";
    case MessageType::kListXattr: return "ListXattr";
    case MessageType::kRemoveXattr: return "RemoveXattr";
    case MessageType::kFsync: return "Fsync";
    case MessageType::kConnect: return "Connect";
    case MessageType::kForget: return "Forget";
    case MessageType::kLook: return "Look";
  }
  return "?";
}

bool ValidHeader(const MessageHeader& header, uint64_t received_bytes, Direction direction) {
  if (received_bytes < sizeof(MessageHeader) || received_bytes > kMaxMessage) return false;
  if (header.length != received_bytes) return false;
  if (direction == Direction::kReply) {
    if (header.forget_count != 0) return false;
    return header.type == kErrorReply || ((header.type & kReplyBit) != 0 && IsRequestType(static_cast<uint16_t>(header.type & ~kReplyBit)));
  }
  if (!IsRequestType(header.type) || header.forget_count > kMaxForgets) return false;
  return sizeof(MessageHeader) + header.forget_count * sizeof(uint64_t) <= received_bytes;
}

}  // namespace ringwall::gofer
