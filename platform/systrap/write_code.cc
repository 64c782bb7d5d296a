// A guest address space: stores into its code.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <vector>

#include "platform/systrap/address_space.h"
#include "platform/systrap/guest_thread.h"
#include "platform/systrap/stub_blob.h"

namespace ringwall::platform::systrap {
namespace {

constexpr int64_t kEFAULT = 14;

}  // namespace

uint64_t SystrapAddressSpace::call_entry() const { return core_->rewrite_calls() ? CallCode().entry : 0; }

Result<void> SystrapAddressSpace::WriteCode(absl::Span<const CodeWrite> writes, bool alone, GuestThread* via) {
  if (alone && !single_threaded()) return Errno::kEBUSY;
  std::vector<uint64_t> pages;
  for (const CodeWrite& write : writes) {
    if (write.address % 8 != 0 || write.address < kMinAddress || write.address >= kEnd) return Errno::kEINVAL;
    const uint64_t page = write.address & ~(kPageSize - 1);
    if (std::find(pages.begin(), pages.end(), page) == pages.end()) pages.push_back(page);
  }
  if (writes.size() + 2 * pages.size() > kMaxOps) return Errno::kEINVAL;
  Flush();
  StubThread* wanted = via == nullptr ? nullptr : static_cast<SystrapGuestThread*>(via)->thread();
  const RefPtr<StubThread> thread = listener_->Borrow(*this, wanted);
  if (!thread) return Errno::kESRCH;
  std::vector<Op> ops, close;
  for (const uint64_t page : pages) {
    ops.push_back(Op{SYS_mprotect, {page, kPageSize, PROT_READ | PROT_WRITE | PROT_EXEC}, 0});
    close.push_back(Op{SYS_mprotect, {page, kPageSize, PROT_READ | PROT_EXEC}, 0});
  }
  for (const CodeWrite& write : writes) ops.push_back(Op{kOpExchange, {write.address, write.mask, write.expected, write.desired}, 0});
  const size_t all = ops.size() + close.size();
  ops.insert(ops.end(), close.begin(), close.end());
  const Listener::OpsResult result = listener_->RunOps(*thread, ops);
  // It stopped in the middle: the pages must not stay writable.
  if (!result.dead && result.done != all) (void)listener_->RunOps(*thread, close);
  listener_->PutBack(*thread);
  if (result.dead) return Errno::kESRCH;
  if (result.done == all) return {};
  return result.value == -kEFAULT ? Errno::kEFAULT : Errno::kEAGAIN;
}

}  // namespace ringwall::platform::systrap
