// UserNamespace: user_namespaces(7). Everything inside the kernel is in ids of the initial one; they are mapped where a guest sees them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/cred/namespace.h"

namespace ringwall::cred {

class Credentials;

inline constexpr uint32_t kOverflowId = 65534;  // /proc/sys/kernel/overflowuid

enum class IdKind : uint8_t { kUid, kGid };

class UserNamespace final : public Namespace {
 public:
  // Of the sandbox's first process: every id is itself.
  static const Ref<UserNamespace>& Initial();
  // A child of the creator's namespace, without maps. EPERM when the creator's ids are not mapped there or its root is not the namespace's
  // (chrooted, says the caller); ENOSPC beyond 33 levels or the limit.
  static Result<Ref<UserNamespace>> Create(const Credentials& creator, bool chrooted);

  bool is_initial() const { return level_ == 0; }
  int level() const { return level_; }
  uint32_t owner_uid() const { return owner_uid_; }  // kernel id of the creator
  // Whether this is `other` or one of its ancestors.
  bool Contains(const UserNamespace& other) const;

  // The kernel's id of `id` as this namespace sees it; nothing when not mapped.
  std::optional<uint32_t> ToKernel(IdKind kind, uint32_t id) const;
  std::optional<uint32_t> FromKernel(IdKind kind, uint32_t kernel_id) const;
  // What a guest is shown: the overflow id for those without a mapping.
  uint32_t Show(IdKind kind, uint32_t kernel_id) const {
    return is_initial() ? kernel_id : FromKernel(kind, kernel_id).value_or(kOverflowId);
  }
  bool Maps(IdKind kind, uint32_t kernel_id) const { return is_initial() || FromKernel(kind, kernel_id).has_value(); }
  // The kernel id of its user 0, ~0 when there is none.
  uint32_t root_uid() const { return is_initial() ? 0 : ToKernel(IdKind::kUid, 0).value_or(~0u); }

  // One write(2) to uid_map or gid_map by `writer`, who opened the file with `opener`: EPERM, EINVAL as user_namespaces(7) has them.
  Result<void> WriteMap(IdKind kind, const Credentials& opener, const Credentials& writer, std::string_view text);
  // The file's text for a reader in `reader`.
  std::string MapText(IdKind kind, const UserNamespace& reader) const;

  // /proc/PID/setgroups.
  bool setgroups_allowed() const { return setgroups_allowed_.load(std::memory_order_acquire); }
  // EPERM when gid_map is set already, or "allow" after "deny".
  Result<void> SetSetgroups(bool allow);
  // setgroups(2): allowed, and gid_map is set.
  bool MaySetGroups() const;

  // ---- limits of /proc/sys/user: how many namespaces of one kind may exist below this one ----
  enum class Counted : uint8_t { kUser, kPid, kUts, kIpc, kNet, kMnt, kCgroup, kTime };
  static constexpr size_t kCountedKinds = 8;
  static Counted CountedKind(uint64_t clone_flag);
  // ENOSPC. A namespace that was charged refunds in its destructor.
  Result<void> Charge(Counted kind);
  void Refund(Counted kind);
  int32_t limit(Counted kind) const { return limits_[static_cast<size_t>(kind)].load(std::memory_order_relaxed); }
  void SetLimit(Counted kind, int32_t value) { limits_[static_cast<size_t>(kind)].store(value, std::memory_order_relaxed); }

 private:
  struct Extent {
    uint32_t first, lower, count;  // lower: kernel ids
  };
  struct Map {
    std::vector<Extent> extents;
  };
  UserNamespace();
  UserNamespace(Ref<UserNamespace> parent, const Credentials& creator);
  ~UserNamespace() override;
  const std::atomic<const Map*>& MapOf(IdKind kind) const { return kind == IdKind::kUid ? uid_map_ : gid_map_; }
  bool MayMap(IdKind kind, const Credentials& opener, const Credentials& writer, const Map& wanted) const;

  const int level_;
  const uint32_t owner_uid_, owner_gid_;
  const bool creator_had_setfcap_;
  mutable Mutex<LockRank::kNamespace> mu_;  // one writer of maps and setgroups at a time
  // Written once, then immutable: read without a lock.
  std::atomic<const Map*> uid_map_{nullptr}, gid_map_{nullptr};
  std::atomic<bool> setgroups_allowed_;
  std::array<std::atomic<int32_t>, kCountedKinds> counts_{};
  std::array<std::atomic<int32_t>, kCountedKinds> limits_;
};

}  // namespace ringwall::cred
