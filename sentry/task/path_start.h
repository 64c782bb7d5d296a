// Where a path call's walk begins, with the references that keep it there.
#pragma once

#include <utility>

#include "sentry/task/task.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::task {

struct Task::PathStart {
  PathStart(Ref<vfs::MountNamespace> ns_in, vfs::Path root, vfs::Path base)
      : ns(std::move(ns_in)), start{ns, std::move(root), std::move(base)} {}
  const Ref<vfs::MountNamespace> ns;
  const vfs::WalkStart start;
};

}  // namespace ringwall::task
