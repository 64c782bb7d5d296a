// Wire format of the control socket: how the ringwall command line and the stand-in talk to a running sentry.
//
// One AF_UNIX SEQPACKET packet = one message = MessageHeader + one fixed-size body (text replies: a header, TextBody and up to
// kMaxTextChunk bytes). Same machine, same build: host byte order, but the magic and version are checked so that a command line of
// another build gets a clear refusal. Neither side trusts a length, a type or an enum of the other.
#pragma once

#include <cstdint>
#include <type_traits>

namespace ringwall::control {

inline constexpr uint32_t kMagic = 0x31435752;  // "RWC1"
inline constexpr uint16_t kVersion = 1;
inline constexpr uint32_t kMaxTextChunk = 16 * 1024;
inline constexpr uint32_t kMaxTextTotal = 8 * 1024 * 1024;  // a client stops reading there

enum class MessageType : uint16_t {
  // Requests.
  kStart = 1,          // no body; run the created init process
  kSignal = 2,         // SignalBody
  kState = 3,          // no body
  kWaitExit = 4,       // no body; answered when the container has exited, at once if it already has
  kResize = 5,         // ResizeBody
  kUnimplemented = 6,  // no body; text reply
  kTasks = 7,          // no body; text reply
  kShutdown = 8,       // no body; kill everything and end the sentry
  // Replies.
  kResult = 64,      // ResultBody
  kStateReply = 65,  // StateBody
  kExitReply = 66,   // ExitBody
  kTextReply = 67,   // TextBody + bytes
};

struct MessageHeader {
  uint32_t magic = kMagic;
  uint16_t version = kVersion;
  uint16_t type = 0;
  uint32_t length = 0;    // of the whole packet
  uint32_t sequence = 0;  // chosen by the requester, echoed in the reply
};

enum class SignalScope : uint32_t {
  kInit = 0,  // the container's first process
  kAll = 1,   // every process of the container
};

struct SignalBody {
  int32_t signo = 0;  // 1..64
  SignalScope scope = SignalScope::kInit;
};

struct ResizeBody {
  uint16_t rows = 0;
  uint16_t columns = 0;
};

struct ResultBody {
  int32_t error = 0;  // 0 or an errno number
};

enum class ContainerStatus : uint32_t { kCreated = 0, kRunning = 1, kStopped = 2 };

// wait(2)'s answer in two numbers: exactly one of them says something.
struct ExitBody {
  int32_t code = 0;    // exit(2)'s argument, 0..255, when signal is 0
  int32_t signal = 0;  // the signal that ended the process, or 0
};

struct StateBody {
  ContainerStatus status = ContainerStatus::kCreated;
  ExitBody exit;  // only when kStopped
};

struct TextBody {
  uint32_t size = 0;  // bytes that follow in this packet
  uint32_t more = 0;  // 1: another packet of this text follows
};

static_assert(std::has_unique_object_representations_v<MessageHeader> && sizeof(MessageHeader) == 16);
static_assert(std::has_unique_object_representations_v<SignalBody> && std::has_unique_object_representations_v<ResizeBody>);
static_assert(std::has_unique_object_representations_v<StateBody> && std::has_unique_object_representations_v<TextBody>);

inline constexpr uint32_t kMaxPacket = sizeof(MessageHeader) + sizeof(TextBody) + kMaxTextChunk;

}  // namespace ringwall::control
