// UtsNamespace: the names that uname(2) gives (uts_namespaces(7)).
#pragma once

#include <string>
#include <utility>

#include "abi/clone.h"
#include "absl/base/thread_annotations.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/cred/namespace.h"
#include "sentry/cred/user_namespace.h"

namespace ringwall::ns {

struct UtsName {
  std::string hostname = "ringwall";
  std::string domainname = "(none)";
};

class UtsNamespace final : public cred::Namespace {
 public:
  UtsNamespace(Ref<cred::UserNamespace> owner, UtsName names, uint64_t ino = 0)
      : Namespace(abi::kCLONE_NEWUTS, RefPtr<cred::UserNamespace>(owner), ino), names_(std::move(names)) {}
  UtsName names() const {
    MutexLock lock(mu_);
    return names_;
  }
  void SetNames(UtsName names) {
    MutexLock lock(mu_);
    std::swap(names_, names);
  }

 private:
  ~UtsNamespace() override {
    if (ino() != cred::kInitialUtsIno) owner()->Refund(cred::UserNamespace::Counted::kUts);
  }
  mutable Mutex<LockRank::kNamespace> mu_;
  UtsName names_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::ns
