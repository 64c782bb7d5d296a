// The header of every gofer message and the list of message types.
//
// One SOCK_SEQPACKET connection: the kernel keeps message borders, so a peer can never desynchronise the stream, a descriptor
// belongs to exactly one message, and an over-long message is seen (MSG_TRUNC) instead of being taken for two.
// Both ends run on one machine from one binary, so numbers travel in native byte order.
#pragma once

#include <cstdint>

#include "gofer/protocol/limits.h"

namespace ringwall::gofer {

enum class MessageType : uint16_t {
  kHello = 1,
  kAttach = 2,
  kWalk = 3,
  kGetAttr = 4,
  kSetAttr = 5,
  kOpen = 6,
  kCreate = 7,
  kMkdir = 8,
  kSymlink = 9,
  kMknod = 10,
  kLink = 11,
  kUnlink = 12,
  kRename = 13,
  kReadLink = 14,
  kReadDir = 15,
  kStatFs = 16,
  kGetXattr = 17,
  kSetXattr = 18,
  kListXattr = 19,
  kRemoveXattr = 20,
  kFsync = 21,
  kConnect = 22,
  kForget = 23,
  kLook = 24,
  kLast = kLook,
};

// A reply has the type of its request with this bit, or is kErrorReply.
inline constexpr uint16_t kReplyBit = 0x8000;
inline constexpr uint16_t kErrorReply = 0xffff;

struct MessageHeader {
  uint32_t length;        // of the whole message: header, body, forgets
  uint16_t type;          // MessageType, with kReplyBit in replies
  uint16_t forget_count;  // requests: that many node ids (8 bytes each) follow the body. Replies: 0
  uint64_t id;            // chosen by the client, echoed by the server
};
static_assert(sizeof(MessageHeader) == 16);

constexpr bool IsRequestType(uint16_t type) {
  return type >= static_cast<uint16_t>(MessageType::kHello) && type <= static_cast<uint16_t>(MessageType::kLast);
}
constexpr uint16_t ReplyType(MessageType type) { return static_cast<uint16_t>(type) | kReplyBit; }

// "Walk", "ReadDir", ...; "?" when unknown.
const char* MessageTypeName(uint16_t type);

// A header that is consistent with the number of bytes that arrived. `request`: which direction it came from.
enum class Direction : uint8_t { kRequest, kReply };
bool ValidHeader(const MessageHeader& header, uint64_t received_bytes, Direction direction);

}  // namespace ringwall::gofer
