// Who may do what to an inode: path_resolution(7), capabilities(7), and the rules for owners and mode bits that file systems share.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "sentry/context/context.h"
#include "sentry/cred/credentials.h"
#include "sentry/vfs/inode.h"
#include "sentry/vfs/types.h"

namespace ringwall::vfs {

struct Path;

// Discretionary access with CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH; access bits are abi kR_OK/kW_OK/kX_OK. EACCES.
Result<void> CheckAccess(Context& ctx, Inode& inode, uint32_t access);
Result<void> CheckAccess(const cred::Credentials& creds, const Attributes& attributes, uint32_t access);
// EROFS when the mount or file system is read-only.
Result<void> CheckWritable(const Path& path);
// Owner or CAP_FOWNER; EPERM.
Result<void> CheckOwner(Context& ctx, const Attributes& attributes);
// Removal of `victim` from `directory`: write and search permission on the directory (EACCES), the sticky rule (EPERM).
Result<void> CheckRemoval(Context& ctx, Inode& directory, const Attributes& victim);

// ---- for file systems ----
// Owner and mode of a new file in `directory`: fsuid/fsgid, or the group of a set-group-ID directory, which directories inherit (inode(7)).
// `mode` may hold type bits; they pass through.
struct NewFileOwner {
  uint32_t uid, gid, mode;
};
NewFileOwner OwnerOfNewFile(Context& ctx, const Attributes& directory, uint32_t mode);
// The mode after a write or truncation by this caller: set-user-ID goes, set-group-ID too when the group may execute; CAP_FSETID keeps
// both.
uint32_t ModeAfterWrite(Context& ctx, uint32_t mode);
// How many of `wanted` bytes may be written at `offset` under RLIMIT_FSIZE and the largest offset: EFBIG when none (the caller of write(2)
// turns that into SIGXFSZ when it was the limit).
Result<size_t> WritableLength(Context& ctx, uint64_t offset, size_t wanted);
// relatime (mount(8)): whether a read moves atime.
bool NeedsAtimeUpdate(const Attributes& attributes, const abi::Timespec& now);

inline bool operator<(const abi::Timespec& a, const abi::Timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

}  // namespace ringwall::vfs
