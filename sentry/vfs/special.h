// Special files are opened the same way in every file system: a FIFO by the pipe room, a device by whoever registered its number, a socket
// never (open(2): ENXIO). An Inode::Open of such a type calls OpenSpecial.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"

namespace ringwall::vfs {

using NodeOpener = Result<Ref<File>> (*)(Context&, Inode&, const Path&, const OpenRequest&);

// At boot, before the first open. `type` is S_IFIFO, S_IFSOCK, S_IFCHR or S_IFBLK; an opener for the whole type comes before device
// numbers. State that belongs to the inode (a FIFO's pipe) hangs on Inode::AttachOnce.
void RegisterNodeOpener(uint32_t type, NodeOpener opener);
// Character devices major:[first, first + count). The opener finds the number in the inode's attributes.
void RegisterCharDevice(uint32_t major, uint32_t first_minor, uint32_t count, NodeOpener opener);

// ENXIO for what nobody registered. The vfs has checked nodev and permissions.
Result<Ref<File>> OpenSpecial(Context& ctx, Inode& inode, const Path& path, const OpenRequest& request);

}  // namespace ringwall::vfs
