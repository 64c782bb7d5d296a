// devpts: pseudo-terminals and their names. Each mount is an instance of its own (mount option newinstance is always on).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"

namespace ringwall::devpts {

struct Options {
  uint32_t uid = ~0u, gid = ~0u;  // ~0: of the opener of ptmx
  uint32_t mode = 0600;
  uint32_t ptmx_mode = 0;
  uint32_t max = 4096;
};
// "gid=5,mode=620,ptmxmode=666,newinstance,max=N"; EINVAL.
Result<Options> ParseOptions(std::string_view text);

// The file system: a root directory with ptmx and one character device per open pair. Opening ptmx makes a pair.
Ref<vfs::FileSystem> Create(Context& ctx, const Options& options);
// TIOCGPTPEER: opens the slave of the master `file` (ioctl_tty(2)); the handler installs it. ENOTTY when it is no master.
Result<Ref<vfs::File>> OpenPeer(Context& ctx, vfs::File& file, uint32_t flags);
// At boot: /dev/ptmx (5:2) of other file systems opens the ptmx of this instance, where a device
// node is used instead of the link pts/ptmx.
void SetDefaultInstance(Ref<vfs::FileSystem> instance);

}  // namespace ringwall::devpts
