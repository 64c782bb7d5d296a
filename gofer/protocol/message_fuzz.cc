// Fuzz: any bytes as any message; what decodes must encode to the same bytes.
#include <cstdlib>
#include <string>

#include "gofer/protocol/requests.h"

namespace ringwall::gofer {
namespace {

template <typename T>
void RoundTrip(std::string_view bytes) {
  T message;
  if (!Decode(bytes, message)) return;
  Writer w;
  Put(w, message);
  if (w.size() != bytes.size() || memcmp(w.data(), bytes.data(), bytes.size()) != 0) abort();
}

template <typename... Requests>
void All(uint8_t which, std::string_view bytes) {
  uint8_t i = 0;
  ((which == i++ ? RoundTrip<Requests>(bytes) : which == i++ ? RoundTrip<typename Requests::Reply>(bytes) : void()), ...);
}

}  // namespace
}  // namespace ringwall::gofer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringwall::gofer;
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  All<HelloRequest, AttachRequest, WalkRequest, GetAttrRequest, SetAttrRequest, OpenRequest, CreateRequest, MkdirRequest, SymlinkRequest,
      MknodRequest, LinkRequest, UnlinkRequest, RenameRequest, ReadLinkRequest, ReadDirRequest, StatFsRequest, GetXattrRequest,
      SetXattrRequest, ListXattrRequest, RemoveXattrRequest, FsyncRequest, ConnectRequest, ForgetRequest, LookRequest>(data[0] % 48, bytes);
  if (bytes.size() >= sizeof(MessageHeader)) {
    MessageHeader header;
    memcpy(&header, bytes.data(), sizeof header);
    (void)ValidHeader(header, bytes.size(), Direction::kRequest);
    (void)ValidHeader(header, bytes.size(), Direction::kReply);
    (void)MessageTypeName(header.type);
  }
  return 0;
}
