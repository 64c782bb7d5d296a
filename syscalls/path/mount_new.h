// File systems that a guest can mount, by the name of their type (filesystems(5)).
#pragma once

#include <string>
#include <string_view>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/task/task.h"
#include "sentry/vfs/inode.h"

namespace ringwall::syscalls {

// A new instance (of mqueue: the one of the caller's IPC namespace). ENODEV for unknown types, EPERM without the right, EINVAL for options.
Result<Ref<vfs::FileSystem>> MakeFileSystem(task::Task& task, std::string_view type, const std::string& options);

}  // namespace ringwall::syscalls
