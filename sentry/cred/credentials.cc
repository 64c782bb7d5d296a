// Credentials: the transition rules of credentials(7), setuid(2) and relatives, capabilities(7) and execve(2).
#include "sentry/cred/credentials.h"

#include <algorithm>
#include <utility>

#include "abi/limits.h"

namespace ringwall::cred {

namespace {

constexpr uint32_t kLeave = ~0u;

// Capabilities that follow the file system uid (capabilities(7), "Effect of user ID changes").
constexpr CapabilitySet kFileSystemCaps = CapBit(abi::kCAP_CHOWN) | CapBit(abi::kCAP_DAC_OVERRIDE) | CapBit(abi::kCAP_DAC_READ_SEARCH) |
                                          CapBit(abi::kCAP_FOWNER) | CapBit(abi::kCAP_FSETID) | CapBit(abi::kCAP_LINUX_IMMUTABLE) |
                                          CapBit(abi::kCAP_MKNOD) | CapBit(abi::kCAP_MAC_OVERRIDE);

}  // namespace

Ref<Credentials> Credentials::Root() {
  Ref<Credentials> c = MakeRef<Credentials>();
  c->permitted = c->effective = c->bounding = kAllCapabilities;
  return c;
}

Ref<Credentials> Credentials::Clone() const {
  Ref<Credentials> c = MakeRef<Credentials>();
  c->uid = uid, c->euid = euid, c->suid = suid, c->fsuid = fsuid;
  c->gid = gid, c->egid = egid, c->sgid = sgid, c->fsgid = fsgid;
  c->groups = groups;
  c->permitted = permitted, c->effective = effective, c->inheritable = inheritable, c->bounding = bounding, c->ambient = ambient;
  c->securebits = securebits;
  c->no_new_privs = no_new_privs;
  c->user_ns = user_ns;
  return c;
}

bool Credentials::HasIn(const UserNamespace& target, int capability) const {
  for (const UserNamespace* ns = &target;; ns = ns->owner()) {
    if (ns == user_ns.get()) return HasInOwn(capability);
    if (ns->level() <= user_ns->level()) return false;
    // Whoever made a namespace, and is in its parent, has every capability in it.
    if (ns->owner() == user_ns.get() && ns->owner_uid() == euid) return true;
  }
}

void Credentials::EnterUserNamespace(Ref<UserNamespace> ns) {
  user_ns = std::move(ns);
  permitted = effective = bounding = kAllCapabilities;
  inheritable = ambient = 0;
  securebits = 0;
}

bool Credentials::InGroup(uint32_t group) const { return group == fsgid || std::binary_search(groups.begin(), groups.end(), group); }

void Credentials::FixCapabilitiesAfterUidChange(uint32_t old_uid, uint32_t old_euid, uint32_t old_suid) {
  if ((securebits & abi::kSECBIT_NO_SETUID_FIXUP) != 0) return;
  const uint32_t root = user_ns->root_uid();
  const bool had_root = old_uid == root || old_euid == root || old_suid == root;
  const bool has_root = uid == root || euid == root || suid == root;
  if (had_root && !has_root) {
    if ((securebits & abi::kSECBIT_KEEP_CAPS) == 0) {
      permitted = 0;
      effective = 0;
    }
    ambient = 0;
  }
  if (old_euid == root && euid != root) effective = 0;
  if (old_euid != root && euid == root) effective = permitted;
}

Result<void> Credentials::SetUid(uint32_t new_uid) {
  if (new_uid == kLeave) return Errno::kEINVAL;
  const uint32_t old_uid = uid, old_euid = euid, old_suid = suid;
  if (HasInOwn(abi::kCAP_SETUID)) {
    uid = euid = suid = new_uid;
  } else if (new_uid == uid || new_uid == suid) {
    euid = new_uid;
  } else {
    return Errno::kEPERM;
  }
  fsuid = euid;
  FixCapabilitiesAfterUidChange(old_uid, old_euid, old_suid);
  return {};
}

Result<void> Credentials::SetGid(uint32_t new_gid) {
  if (new_gid == kLeave) return Errno::kEINVAL;
  if (HasInOwn(abi::kCAP_SETGID)) {
    gid = egid = sgid = new_gid;
  } else if (new_gid == gid || new_gid == sgid) {
    egid = new_gid;
  } else {
    return Errno::kEPERM;
  }
  fsgid = egid;
  return {};
}

Result<void> Credentials::SetReUid(uint32_t new_ruid, uint32_t new_euid) {
  const uint32_t old_uid = uid, old_euid = euid, old_suid = suid;
  if (!HasInOwn(abi::kCAP_SETUID)) {
    if (new_ruid != kLeave && new_ruid != uid && new_ruid != euid) return Errno::kEPERM;
    if (new_euid != kLeave && new_euid != uid && new_euid != euid && new_euid != suid) return Errno::kEPERM;
  }
  if (new_ruid != kLeave) uid = new_ruid;
  if (new_euid != kLeave) euid = new_euid;
  // setreuid(2): the saved id follows when the real one was set, or the effective one became something else than the old real one.
  if (new_ruid != kLeave || (new_euid != kLeave && new_euid != old_uid)) suid = euid;
  fsuid = euid;
  FixCapabilitiesAfterUidChange(old_uid, old_euid, old_suid);
  return {};
}

Result<void> Credentials::SetReGid(uint32_t new_rgid, uint32_t new_egid) {
  const uint32_t old_gid = gid;
  if (!HasInOwn(abi::kCAP_SETGID)) {
    if (new_rgid != kLeave && new_rgid != gid && new_rgid != egid) return Errno::kEPERM;
    if (new_egid != kLeave && new_egid != gid && new_egid != egid && new_egid != sgid) return Errno::kEPERM;
  }
  if (new_rgid != kLeave) gid = new_rgid;
  if (new_egid != kLeave) egid = new_egid;
  if (new_rgid != kLeave || (new_egid != kLeave && new_egid != old_gid)) sgid = egid;
  fsgid = egid;
  return {};
}

Result<void> Credentials::SetResUid(uint32_t new_ruid, uint32_t new_euid, uint32_t new_suid) {
  const uint32_t old_uid = uid, old_euid = euid, old_suid = suid;
  if (!HasInOwn(abi::kCAP_SETUID)) {
    for (const uint32_t id : {new_ruid, new_euid, new_suid}) {
      if (id != kLeave && id != uid && id != euid && id != suid) return Errno::kEPERM;
    }
  }
  if (new_ruid != kLeave) uid = new_ruid;
  if (new_euid != kLeave) euid = new_euid;
  if (new_suid != kLeave) suid = new_suid;
  fsuid = euid;
  FixCapabilitiesAfterUidChange(old_uid, old_euid, old_suid);
  return {};
}

Result<void> Credentials::SetResGid(uint32_t new_rgid, uint32_t new_egid, uint32_t new_sgid) {
  if (!HasInOwn(abi::kCAP_SETGID)) {
    for (const uint32_t id : {new_rgid, new_egid, new_sgid}) {
      if (id != kLeave && id != gid && id != egid && id != sgid) return Errno::kEPERM;
    }
  }
  if (new_rgid != kLeave) gid = new_rgid;
  if (new_egid != kLeave) egid = new_egid;
  if (new_sgid != kLeave) sgid = new_sgid;
  fsgid = egid;
  return {};
}

uint32_t Credentials::SetFsUid(uint32_t new_fsuid) {
  const uint32_t old = fsuid;
  if (new_fsuid == kLeave) return old;
  if (new_fsuid != uid && new_fsuid != euid && new_fsuid != suid && new_fsuid != fsuid && !HasInOwn(abi::kCAP_SETUID)) return old;
  fsuid = new_fsuid;
  if ((securebits & abi::kSECBIT_NO_SETUID_FIXUP) == 0) {
    const uint32_t root = user_ns->root_uid();
    if (old == root && fsuid != root) effective &= ~kFileSystemCaps;
    if (old != root && fsuid == root) effective |= permitted & kFileSystemCaps;
  }
  return old;
}

uint32_t Credentials::SetFsGid(uint32_t new_fsgid) {
  const uint32_t old = fsgid;
  if (new_fsgid == kLeave) return old;
  if (new_fsgid == gid || new_fsgid == egid || new_fsgid == sgid || new_fsgid == fsgid || HasInOwn(abi::kCAP_SETGID)) fsgid = new_fsgid;
  return old;
}

Result<void> Credentials::SetGroups(std::vector<uint32_t> new_groups) {
  if (!HasInOwn(abi::kCAP_SETGID) || !user_ns->MaySetGroups()) return Errno::kEPERM;
  if (new_groups.size() > abi::kNGROUPS_MAX) return Errno::kEINVAL;
  if (std::find(new_groups.begin(), new_groups.end(), kLeave) != new_groups.end()) return Errno::kEINVAL;
  std::sort(new_groups.begin(), new_groups.end());
  groups = std::move(new_groups);
  return {};
}

Result<void> Credentials::SetCapabilities(CapabilitySet new_effective, CapabilitySet new_permitted, CapabilitySet new_inheritable) {
  new_effective &= kAllCapabilities, new_permitted &= kAllCapabilities, new_inheritable &= kAllCapabilities;
  // capset(2) and capabilities(7), "Programmatically adjusting capability sets".
  const CapabilitySet addable = HasInOwn(abi::kCAP_SETPCAP) ? bounding : 0;
  if ((new_inheritable & ~(inheritable | permitted | addable)) != 0) return Errno::kEPERM;
  if ((new_inheritable & ~(inheritable | bounding)) != 0) return Errno::kEPERM;
  if ((new_permitted & ~permitted) != 0) return Errno::kEPERM;
  if ((new_effective & ~new_permitted) != 0) return Errno::kEPERM;
  effective = new_effective;
  permitted = new_permitted;
  inheritable = new_inheritable;
  ambient &= permitted & inheritable;
  return {};
}

void Credentials::ApplyExec(uint32_t set_user, uint32_t set_group) {
  const uint32_t old_uid = uid;
  const uint32_t root = user_ns->root_uid();
  // Owners that the namespace does not know give nothing (user_namespaces(7), "Set-user-ID and set-group-ID programs").
  if ((set_user != kLeave && !user_ns->Maps(IdKind::kUid, set_user)) || (set_group != kLeave && !user_ns->Maps(IdKind::kGid, set_group)))
    set_user = set_group = kLeave;
  // no_new_privs(prctl 38): set-ID bits mean nothing.
  const bool privileged = !no_new_privs && (set_user != kLeave || set_group != kLeave);
  const bool changes_user = privileged && set_user != kLeave && set_user != euid;
  const bool changes_group = privileged && set_group != kLeave && set_group != egid;
  if (privileged && set_user != kLeave) euid = set_user;
  if (privileged && set_group != kLeave) egid = set_group;
  suid = fsuid = euid;
  sgid = fsgid = egid;

  CapabilitySet file_permitted = 0, file_inheritable = 0;
  bool file_effective = false;
  if ((securebits & abi::kSECBIT_NOROOT) == 0 && (euid == root || old_uid == root)) {
    file_permitted = file_inheritable = kAllCapabilities;
    file_effective = euid == root;
  }
  // A set-ID program that changes ids is privileged: no ambient capabilities (capabilities(7), P'(ambient)).
  if (changes_user || changes_group) ambient = 0;
  permitted = (inheritable & file_inheritable) | (file_permitted & bounding) | ambient;
  effective = file_effective ? permitted : ambient;
  securebits &= ~abi::kSECBIT_KEEP_CAPS;
}

}  // namespace ringwall::cred
