// Namespaces: those of a task, besides user (in its credentials), mount (in its FsContext) and its own pid namespace (fixed at birth).
// Linux's nsproxy: immutable once a task has it; a change makes a new one.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/cred/namespace.h"
#include "sentry/cred/user_namespace.h"
#include "sentry/ns/pid_namespace.h"
#include "sentry/ns/uts_namespace.h"

namespace ringwall::ns {

class Namespaces final : public RefCounted {
 public:
  // The initial ones of a kernel.
  explicit Namespaces(UtsName names);
  Ref<Namespaces> Clone() const;
  // Replaces those that `clone_flags` names (CLONE_NEW*) by new ones of `owner`. ENOSPC.
  Result<void> MakeNew(uint64_t clone_flags, const Ref<cred::UserNamespace>& owner);

  Ref<UtsNamespace> uts;
  Ref<cred::Namespace> ipc, net, cgroup, time, time_for_children;
  Ref<PidNamespace> pid_for_children;

 private:
  Namespaces(const Namespaces& other);
};

}  // namespace ringwall::ns
