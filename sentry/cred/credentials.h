// Credentials of a task (credentials(7), capabilities(7)): immutable once published; a change makes a new object.
#pragma once

#include <cstdint>
#include <vector>

#include "abi/capability.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/cred/user_namespace.h"

namespace ringwall::cred {

using CapabilitySet = uint64_t;  // bit n = capability n
inline constexpr CapabilitySet kAllCapabilities = (uint64_t{1} << (abi::kCAP_LAST_CAP + 1)) - 1;
constexpr CapabilitySet CapBit(int cap) { return uint64_t{1} << cap; }

class Credentials : public RefCounted {
 public:
  uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
  uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
  std::vector<uint32_t> groups;  // supplementary, sorted
  CapabilitySet permitted = 0, effective = 0, inheritable = 0, bounding = 0, ambient = 0;
  uint32_t securebits = 0;
  bool no_new_privs = false;
  // Where the capabilities count; ids are the kernel's all the same.
  Ref<UserNamespace> user_ns = UserNamespace::Initial();

  Credentials() = default;
  // All ids 0, every capability.
  static Ref<Credentials> Root();
  // A private copy to change and publish.
  Ref<Credentials> Clone() const;

  // Over what belongs to the whole machine: the initial user namespace (Linux's capable()).
  bool Has(int capability) const { return HasInOwn(capability) && user_ns->is_initial(); }
  // Over the caller's own user namespace: its ids, its processes.
  bool HasInOwn(int capability) const { return (effective & CapBit(capability)) != 0; }
  // Over `target` and what it owns (user_namespaces(7), "Interaction of user namespaces and other types of namespaces").
  bool HasIn(const UserNamespace& target, int capability) const;
  // Over a file (or the like) of these owners: both must be mapped in the caller's namespace (capabilities(7)).
  bool HasOver(uint32_t owner_uid, uint32_t owner_gid, int capability) const {
    return HasInOwn(capability) && user_ns->Maps(IdKind::kUid, owner_uid) && user_ns->Maps(IdKind::kGid, owner_gid);
  }
  // All capabilities in a namespace that the caller has made or entered: clone(2), unshare(2), setns(2) with CLONE_NEWUSER.
  void EnterUserNamespace(Ref<UserNamespace> ns);
  // fsgid or a supplementary group.
  bool InGroup(uint32_t group) const;

  // The rules of setuid(2), setreuid(2), setresuid(2), setfsuid(2) and their group twins: -1 leaves a field; EPERM when not allowed.
  // Adjusts capabilities on uid transitions unless securebits say otherwise (capabilities(7), "Effect of user ID changes").
  Result<void> SetUid(uint32_t new_uid);
  Result<void> SetGid(uint32_t new_gid);
  Result<void> SetReUid(uint32_t new_ruid, uint32_t new_euid);
  Result<void> SetReGid(uint32_t new_rgid, uint32_t new_egid);
  Result<void> SetResUid(uint32_t new_ruid, uint32_t new_euid, uint32_t new_suid);
  Result<void> SetResGid(uint32_t new_rgid, uint32_t new_egid, uint32_t new_sgid);
  uint32_t SetFsUid(uint32_t new_fsuid);  // returns the previous one, never fails
  uint32_t SetFsGid(uint32_t new_fsgid);
  Result<void> SetGroups(std::vector<uint32_t> new_groups);
  // capset(2).
  Result<void> SetCapabilities(CapabilitySet new_effective, CapabilitySet new_permitted, CapabilitySet new_inheritable);
  // The transformation of execve(2): P'(permitted) etc. for a file without capabilities; set_user/set_group hold the owner of a
  // set-user-ID/-group-ID file or ~0u.
  void ApplyExec(uint32_t set_user, uint32_t set_group);

 private:
  Credentials(const Credentials& other) = delete;
  void FixCapabilitiesAfterUidChange(uint32_t old_uid, uint32_t old_euid, uint32_t old_suid);
};

}  // namespace ringwall::cred
