// Validity of what crosses the gofer border.
#include "gofer/protocol/types.h"

namespace ringwall::gofer {

bool Attributes::Valid() const {
  constexpr uint64_t kMaxOff = INT64_MAX;
  if (size > kMaxOff || blocks > kMaxOff) return false;
  if (blksize == 0 || blksize > (1u << 30)) return false;
  if ((mode & ~(kTypeMask | kPermissionMask)) != 0) return false;
  switch (type()) {
    case kTypeFifo:
    case kTypeCharDevice:
    case kTypeDirectory:
    case kTypeBlockDevice:
    case kTypeRegular:
    case kTypeSymlink:
    case kTypeSocket: return true;
    default: return false;
  }
}

bool ValidComponent(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  if (name == "." || name == "..") return false;
  for (char c : name) {
    if (c == '/' || c == '\0') return false;
  }
  return true;
}

Errno ComponentError(std::string_view name) {
  if (name.empty()) return Errno::kENOENT;
  if (name.size() > kMaxName) return Errno::kENAMETOOLONG;
  return Errno::kEINVAL;
}

}  // namespace ringwall::gofer
