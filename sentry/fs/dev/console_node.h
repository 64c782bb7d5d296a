// Inside of fs/dev: what /dev/console's inode carries.
#pragma once

#include <functional>
#include <utility>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/file.h"

namespace ringwall::devfs {

struct ConsoleNode final : RefCounted {
  using Open = std::function<Result<Ref<vfs::File>>(Context&, const vfs::Path&, uint32_t)>;
  explicit ConsoleNode(Open o) : open(std::move(o)) {}
  const Open open;
};

}  // namespace ringwall::devfs
