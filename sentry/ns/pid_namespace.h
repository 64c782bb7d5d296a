// PidNamespace: a process's numbers as its namespace and the ones above see them (pid_namespaces(7)). Inside the kernel a task is known by
// its number in the initial namespace; PidTable translates where a guest sees one.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/cred/namespace.h"
#include "sentry/cred/user_namespace.h"

namespace ringwall::task {
class PidTable;
}

namespace ringwall::ns {

class PidNamespace final : public cred::Namespace {
 public:
  static Ref<PidNamespace> Initial();  // a new one for each kernel
  // ENOSPC beyond 32 levels or the owner's limit.
  static Result<Ref<PidNamespace>> Create(Ref<PidNamespace> parent, Ref<cred::UserNamespace> owner);

  PidNamespace* parent() const { return parent_.get(); }
  int level() const { return level_; }
  bool is_initial() const { return level_ == 0; }
  // Whether this is `other` or one of its ancestors.
  bool Contains(const PidNamespace& other) const;

 private:
  friend class task::PidTable;
  PidNamespace(RefPtr<PidNamespace> parent, RefPtr<cred::UserNamespace> owner, uint64_t ino);
  ~PidNamespace() override;

  const RefPtr<PidNamespace> parent_;
  const int level_;
  // ---- guarded by PidTable::mu(); unused in the initial namespace, whose numbers are the kernel's ----
  absl::flat_hash_map<int32_t, int32_t> to_kernel_, from_kernel_;
  int32_t last_ = 0;
  std::atomic<int32_t> init_{0};  // kernel id of its pid 1; 0 before the first process. Written under that lock.
  bool dead_ = false;             // its init has ended: nobody can be born here any more
  // Init's end is told when all others have gone (pid_namespaces(7)).
  bool ending_ = false;
  int32_t end_status_ = 0;
};

}  // namespace ringwall::ns
