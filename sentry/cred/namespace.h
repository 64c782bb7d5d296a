// Namespace: what every kind of namespaces(7) has: a number, the user namespace that owns it, and room for the state of other rooms.
#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"

namespace ringwall::cred {

class UserNamespace;

// The initial namespaces have these inode numbers on every Linux (mnt and net: usual ones).
inline constexpr uint64_t kInitialTimeIno = 4026531834, kInitialCgroupIno = 4026531835, kInitialPidIno = 4026531836,
                          kInitialUserIno = 4026531837, kInitialUtsIno = 4026531838, kInitialIpcIno = 4026531839,
                          kInitialNetIno = 4026531840, kInitialMntIno = 4026531841;

class Namespace : public RefCounted {
 public:
  // `kind` is the CLONE_NEW* flag of abi/clone.h. `ino` 0: the next free number. `owner` is null only for the initial user namespace.
  Namespace(uint64_t kind, RefPtr<UserNamespace> owner, uint64_t ino = 0);
  uint64_t kind() const { return kind_; }
  uint64_t ino() const { return ino_; }
  // What capabilities over this namespace are looked up in; of a user namespace its parent.
  UserNamespace* owner() const { return owner_.get(); }

  // The state that another room keeps per namespace (the network stack of a network namespace, the objects of an IPC namespace): made by
  // `make` at first use, one per namespace; lives as long as the namespace.
  Ref<RefCounted> AttachOnce(Ref<RefCounted> (*make)(Namespace&));
  RefPtr<RefCounted> attachment() const;

 protected:
  ~Namespace() override;

 private:
  const uint64_t kind_;
  const uint64_t ino_;
  const RefPtr<UserNamespace> owner_;
  mutable Mutex<LockRank::kNamespace> attachment_mu_;
  RefPtr<RefCounted> attachment_ ABSL_GUARDED_BY(attachment_mu_);
};

}  // namespace ringwall::cred
