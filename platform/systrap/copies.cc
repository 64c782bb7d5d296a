// A guest address space: small copies that travel with a call, or with its answer, through the thread's context.
#include <algorithm>
#include <cstring>

#include "platform/systrap/address_space.h"
#include "platform/systrap/guest_thread.h"

namespace ringwall::platform::systrap {

bool SystrapAddressSpace::WriteOnReturn(uint64_t address, absl::Span<const std::byte> from, GuestThread* via) {
  if (via == nullptr || address >= kEnd || from.size() > kEnd - address) return false;
  return listener_->DeferCopy(*static_cast<SystrapGuestThread*>(via)->thread(), address, from);
}

size_t SystrapAddressSpace::ReadBrought(uint64_t address, absl::Span<std::byte> to, GuestThread* via) {
  if (via == nullptr) return 0;
  const StubThread& thread = *static_cast<SystrapGuestThread*>(via)->thread();
  for (uint32_t i = 0; i < thread.brought_count; ++i) {
    const Brought& one = thread.brought[i];
    if (one.address != address) continue;
    const size_t size = std::min<size_t>(to.size(), one.bytes);
    std::memcpy(to.data(), reinterpret_cast<const std::byte*>(thread.context) + one.offset, size);
    return size;
  }
  return 0;
}

void SystrapAddressSpace::DropBrought(GuestThread* via) {
  if (via != nullptr) static_cast<SystrapGuestThread*>(via)->thread()->brought_count = 0;
}

}  // namespace ringwall::platform::systrap
