// Inside of fs/gofer: makes open directories.
#pragma once

#include "sentry/vfs/file.h"

namespace ringwall::goferfs {

Ref<vfs::File> OpenDirectory(const vfs::Path& path, uint32_t flags);

}  // namespace ringwall::goferfs
