// User namespaces: maps of ids, who may write them, and the limits of /proc/sys/user (user_namespaces(7), namespaces(7)).
#include "sentry/cred/user_namespace.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "abi/capability.h"
#include "abi/clone.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"

namespace ringwall::cred {
namespace {

constexpr size_t kMostExtents = 340;  // since Linux 4.15
constexpr int kMostLevels = 32;
constexpr int32_t kDefaultLimit = 30000;
constexpr uint32_t kNoId = ~0u;

// "first lower count": three decimal numbers with blanks around, nothing else.
bool ParseLine(std::string_view line, uint32_t (&out)[3]) {
  for (uint32_t& number : out) {
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return false;
    line.remove_prefix(begin);
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc()) return false;
    line.remove_prefix(static_cast<size_t>(end - line.data()));
    if (!line.empty() && line.front() != ' ' && line.front() != '\t') return false;
  }
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

bool Overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count) {
  return uint64_t{a} < uint64_t{b} + b_count && uint64_t{b} < uint64_t{a} + a_count;
}

}  // namespace

const Ref<UserNamespace>& UserNamespace::Initial() {
  // Never dropped: credentials of every kernel in this process refer to it.
  static const Ref<UserNamespace>* initial = new Ref<UserNamespace>(new UserNamespace(), Ref<UserNamespace>::AdoptTag{});
  return *initial;
}

UserNamespace::UserNamespace()
    : Namespace(abi::kCLONE_NEWUSER, nullptr, kInitialUserIno),
      level_(0),
      owner_uid_(0),
      owner_gid_(0),
      creator_had_setfcap_(true),
      setgroups_allowed_(true) {
  for (auto& limit : limits_) limit.store(kDefaultLimit, std::memory_order_relaxed);
}

UserNamespace::UserNamespace(Ref<UserNamespace> parent, const Credentials& creator)
    : Namespace(abi::kCLONE_NEWUSER, RefPtr<UserNamespace>(parent)),
      level_(parent->level_ + 1),
      owner_uid_(creator.euid),
      owner_gid_(creator.egid),
      creator_had_setfcap_(creator.HasInOwn(abi::kCAP_SETFCAP)),
      setgroups_allowed_(parent->setgroups_allowed()) {
  for (auto& limit : limits_) limit.store(INT32_MAX, std::memory_order_relaxed);  // the ancestors' count
}

UserNamespace::~UserNamespace() {
  delete uid_map_.load(std::memory_order_acquire);
  delete gid_map_.load(std::memory_order_acquire);
  if (owner() != nullptr) owner()->Refund(Counted::kUser);
}

Result<Ref<UserNamespace>> UserNamespace::Create(const Credentials& creator, bool chrooted) {
  const Ref<UserNamespace>& parent = creator.user_ns;
  if (parent->level_ >= kMostLevels) return Errno::kENOSPC;
  TRY(parent->Charge(Counted::kUser));
  // A chrooted process could leave its jail with the new capabilities; one that its namespace does not know could not be named as owner.
  if (chrooted || !parent->Maps(IdKind::kUid, creator.euid) || !parent->Maps(IdKind::kGid, creator.egid)) {
    parent->Refund(Counted::kUser);
    return Errno::kEPERM;
  }
  return Ref<UserNamespace>(new UserNamespace(parent, creator), Ref<UserNamespace>::AdoptTag{});
}

bool UserNamespace::Contains(const UserNamespace& other) const {
  for (const UserNamespace* ns = &other; ns != nullptr; ns = ns->owner()) {
    if (ns == this) return true;
  }
  return false;
}

std::optional<uint32_t> UserNamespace::ToKernel(IdKind kind, uint32_t id) const {
  if (id == kNoId) return std::nullopt;
  if (is_initial()) return id;
  const Map* map = MapOf(kind).load(std::memory_order_acquire);
  if (map == nullptr) return std::nullopt;
  for (const Extent& e : map->extents) {
    if (id >= e.first && id - e.first < e.count) return e.lower + (id - e.first);
  }
  return std::nullopt;
}

std::optional<uint32_t> UserNamespace::FromKernel(IdKind kind, uint32_t kernel_id) const {
  if (kernel_id == kNoId) return std::nullopt;
  if (is_initial()) return kernel_id;
  const Map* map = MapOf(kind).load(std::memory_order_acquire);
  if (map == nullptr) return std::nullopt;
  for (const Extent& e : map->extents) {
    if (kernel_id >= e.lower && kernel_id - e.lower < e.count) return e.first + (kernel_id - e.lower);
  }
  return std::nullopt;
}

// `wanted` is in ids of the parent. user_namespaces(7), "Defining user and group ID mappings: writing to uid_map and gid_map".
bool UserNamespace::MayMap(IdKind kind, const Credentials& opener, const Credentials& writer, const Map& wanted) const {
  const UserNamespace& parent = *owner();
  // Whoever maps the parent's root could make files with capabilities for it: the creator must have had the right to.
  if (kind == IdKind::kUid) {
    const bool maps_root = std::any_of(wanted.extents.begin(), wanted.extents.end(), [](const Extent& e) { return e.lower == 0; });
    if (maps_root) {
      const bool inside = writer.user_ns.get() == this;
      if (inside ? !creator_had_setfcap_ : !opener.HasIn(parent, abi::kCAP_SETFCAP)) return false;
    }
  }
  const int capability = kind == IdKind::kUid ? abi::kCAP_SETUID : abi::kCAP_SETGID;
  // Without privileges: the writer's own id, alone.
  if (wanted.extents.size() == 1 && wanted.extents[0].count == 1 && writer.euid == owner_uid_) {
    const uint32_t own = kind == IdKind::kUid ? writer.euid : writer.egid;
    const std::optional<uint32_t> kernel_id = parent.ToKernel(kind, wanted.extents[0].lower);
    if (kernel_id == own && (kind == IdKind::kUid || !setgroups_allowed())) return true;
  }
  return writer.HasIn(parent, capability) && opener.HasIn(parent, capability);
}

Result<void> UserNamespace::WriteMap(IdKind kind, const Credentials& opener, const Credentials& writer, std::string_view text) {
  // Linux takes at most a page, in one write at the start of the file.
  if (text.size() >= 4096) return Errno::kEINVAL;
  if (is_initial()) return Errno::kEPERM;
  const UserNamespace& parent = *owner();
  MutexLock lock(mu_);
  std::atomic<const Map*>& slot = kind == IdKind::kUid ? uid_map_ : gid_map_;
  if (slot.load(std::memory_order_relaxed) != nullptr) return Errno::kEPERM;
  if (!writer.HasIn(*this, abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;

  auto map = std::make_unique<Map>();
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    uint32_t n[3];
    if (!ParseLine(line, n)) return Errno::kEINVAL;
    const auto [first, lower, count] = n;
    if (first == kNoId || lower == kNoId || count == 0) return Errno::kEINVAL;
    if (first + count <= first || lower + count <= lower) return Errno::kEINVAL;  // wraps
    for (const Extent& e : map->extents) {
      if (Overlap(first, count, e.first, e.count) || Overlap(lower, count, e.lower, e.count)) return Errno::kEINVAL;
    }
    if (map->extents.size() == kMostExtents) return Errno::kEINVAL;
    map->extents.push_back({first, lower, count});
  }
  if (map->extents.empty()) return Errno::kEINVAL;
  if (!MayMap(kind, opener, writer, *map)) return Errno::kEPERM;
  // From the parent's ids to the kernel's; an extent must lie within one of the parent's.
  for (Extent& e : map->extents) {
    const std::optional<uint32_t> begin = parent.ToKernel(kind, e.lower);
    const std::optional<uint32_t> end = parent.ToKernel(kind, e.lower + (e.count - 1));
    if (!begin.has_value() || !end.has_value() || *end - *begin != e.count - 1) return Errno::kEPERM;
    e.lower = *begin;
  }
  slot.store(map.release(), std::memory_order_release);
  return {};
}

std::string UserNamespace::MapText(IdKind kind, const UserNamespace& reader) const {
  if (is_initial()) return absl::StrFormat("%10u %10u %10u\n", 0u, 0u, kNoId);
  const Map* map = MapOf(kind).load(std::memory_order_acquire);
  std::string out;
  if (map == nullptr) return out;
  // Seen from inside, the second column is in the parent's ids; from elsewhere in the reader's (user_namespaces(7)).
  const UserNamespace& seen = &reader == this && owner() != nullptr ? *owner() : reader;
  for (const Extent& e : map->extents) {
    absl::StrAppendFormat(&out, "%10u %10u %10u\n", e.first, seen.FromKernel(kind, e.lower).value_or(kNoId), e.count);
  }
  return out;
}

Result<void> UserNamespace::SetSetgroups(bool allow) {
  MutexLock lock(mu_);
  if (allow) return setgroups_allowed() ? Result<void>() : Errno::kEPERM;
  // Once groups can be dropped, denying it comes too late.
  if (is_initial() || gid_map_.load(std::memory_order_relaxed) != nullptr) return Errno::kEPERM;
  setgroups_allowed_.store(false, std::memory_order_release);
  return {};
}

bool UserNamespace::MaySetGroups() const {
  return is_initial() || (setgroups_allowed() && gid_map_.load(std::memory_order_acquire) != nullptr);
}

UserNamespace::Counted UserNamespace::CountedKind(uint64_t clone_flag) {
  switch (clone_flag) {
    case abi::kCLONE_NEWUSER: return Counted::kUser;
    case abi::kCLONE_NEWPID: return Counted::kPid;
    case abi::kCLONE_NEWUTS: return Counted::kUts;
    case abi::kCLONE_NEWIPC: return Counted::kIpc;
    case abi::kCLONE_NEWNET: return Counted::kNet;
    case abi::kCLONE_NEWNS: return Counted::kMnt;
    case abi::kCLONE_NEWCGROUP: return Counted::kCgroup;
    default: return Counted::kTime;
  }
}

// Differs from Linux: counted per user namespace, not per user in it.
Result<void> UserNamespace::Charge(Counted kind) {
  const size_t i = static_cast<size_t>(kind);
  for (UserNamespace* ns = this; ns != nullptr; ns = ns->owner()) {
    if (ns->counts_[i].fetch_add(1, std::memory_order_relaxed) < ns->limits_[i].load(std::memory_order_relaxed)) continue;
    for (UserNamespace* undo = this;; undo = undo->owner()) {
      undo->counts_[i].fetch_sub(1, std::memory_order_relaxed);
      if (undo == ns) break;
    }
    return Errno::kENOSPC;
  }
  return {};
}

void UserNamespace::Refund(Counted kind) {
  for (UserNamespace* ns = this; ns != nullptr; ns = ns->owner())
    ns->counts_[static_cast<size_t>(kind)].fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace ringwall::cred
