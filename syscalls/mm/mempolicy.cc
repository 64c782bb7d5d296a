// get_mempolicy(2), set_mempolicy(2), mbind(2): a machine with one memory node.
#include "abi/capability.h"
#include "abi/mman.h"
#include "sentry/cred/credentials.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {
namespace {

// The node mask of a policy: which of node 0 is asked for, and whether any other is (EINVAL).
Result<bool> HasNodeZero(Task& task, UserAddr node_mask, uint64_t max_node) {
  if (node_mask.is_null() || max_node == 0) return false;
  if (max_node > 4096 * 8) return Errno::kEINVAL;
  bool zero = false;
  for (uint64_t bit = 0; bit < max_node; bit += 64) {
    uint64_t word = TRY(task.memory().ReadValue<uint64_t>(node_mask.value + bit / 8));
    if (max_node - bit < 64) word &= (uint64_t{1} << (max_node - bit)) - 1;
    if (bit == 0) {
      zero = (word & 1) != 0;
      word &= ~uint64_t{1};
    }
    if (word != 0) return Errno::kEINVAL;
  }
  return zero;
}

Result<void> CheckPolicy(Task& task, int32_t mode_and_flags, UserAddr node_mask, uint64_t max_node) {
  const int32_t mode = mode_and_flags & ~static_cast<int32_t>(abi::kMPOL_MODE_FLAGS);
  if (mode < 0 || mode >= abi::kMPOL_MAX) return Errno::kEINVAL;
  const bool zero = TRY(HasNodeZero(task, node_mask, max_node == 0 ? 0 : max_node - 1));
  if ((mode == abi::kMPOL_DEFAULT || mode == abi::kMPOL_LOCAL) && zero) return Errno::kEINVAL;
  if ((mode == abi::kMPOL_BIND || mode == abi::kMPOL_INTERLEAVE) && !zero) return Errno::kEINVAL;
  return {};
}

}  // namespace

Result<void> SysGetMempolicy(Task& task, UserOut<int32_t> mode, UserAddr node_mask, uint64_t max_node, UserAddr address, uint64_t flags) {
  if ((flags & ~uint64_t{abi::kMPOL_F_NODE | abi::kMPOL_F_ADDR | abi::kMPOL_F_MEMS_ALLOWED}) != 0) return Errno::kEINVAL;
  if (!node_mask.is_null() && max_node < 1) return Errno::kEINVAL;
  if ((flags & abi::kMPOL_F_ADDR) == 0 && !address.is_null()) return Errno::kEINVAL;
  TRY(mode.WriteIfSet(task.memory(), (flags & abi::kMPOL_F_NODE) != 0 ? 0 : abi::kMPOL_DEFAULT));
  if (node_mask.is_null()) return {};
  const uint64_t bytes = std::min<uint64_t>((max_node + 63) / 64 * 8, 512);
  TRY(task.memory().Clear(node_mask.value, bytes));
  if ((flags & abi::kMPOL_F_MEMS_ALLOWED) != 0) return task.memory().WriteValue<uint64_t>(node_mask.value, 1);
  return {};
}

Result<void> SysSetMempolicy(Task& task, int32_t mode, UserAddr node_mask, uint64_t max_node) {
  return CheckPolicy(task, mode, node_mask, max_node);
}

Result<void> SysMbind(Task& task, UserAddr address, ByteCount, int32_t mode, UserAddr node_mask, uint64_t max_node, uint32_t flags) {
  if ((flags & ~abi::kMPOL_MF_VALID) != 0 || (address.value & (platform::kPageSize - 1)) != 0) return Errno::kEINVAL;
  if ((flags & abi::kMPOL_MF_MOVE_ALL) != 0 && !task.creds().Has(abi::kCAP_SYS_NICE)) return Errno::kEPERM;
  return CheckPolicy(task, mode, node_mask, max_node);
}

}  // namespace ringwall::syscalls
