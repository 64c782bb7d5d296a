// /dev of a container: a tmpfs with the usual nodes, and the memory devices behind them (null(4), full(4), random(4)).
#pragma once

#include <functional>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"

namespace ringwall::devfs {

// At boot, once: openers for /dev/{null,zero,full,random,urandom} (1:3, 1:5, 1:7, 1:8, 1:9) and for the console node of trees made here.
void RegisterDevices();

struct Options {
  // Opens the container's terminal by the path of its node: /dev/console is there only with it.
  std::function<Result<Ref<vfs::File>>(Context&, const vfs::Path& path, uint32_t flags)> console;
  uint64_t size_bytes = 64 << 20;  // of what guests write into it
};

// A fresh tree: the OCI runtime specification's default devices, fd, stdin, stdout, stderr, ptmx -> pts/ptmx, and empty pts, shm and mqueue
// to mount on.
Result<Ref<vfs::FileSystem>> Create(Context& ctx, const Options& options);

// Adds one node to a tree made by Create (config.json's linux.devices). `path` is relative; directories in between are made.
Result<void> AddNode(Context& ctx, vfs::FileSystem& dev, std::string_view path, uint32_t mode, uint64_t rdev, uint32_t uid, uint32_t gid);

}  // namespace ringwall::devfs
