// System V shared memory: segments are memory files of the sentry, made when first attached.
#include "sentry/ipc/shm.h"

#include <utility>

#include "abi/capability.h"
#include "absl/strings/str_format.h"
#include "sentry/context/machine.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/memory_file.h"
#include "sentry/time/clock.h"

namespace ringwall::ipc {

namespace {
int64_t Seconds() { return time::RealtimeNs() / time::kNsPerSecond; }
}  // namespace

// ---- segments ---------------------------------------------------------------------------------------------------------------

Segment::Segment(ShmTable& table, Context& ctx, int32_t key, int32_t flags, uint64_t size)
    : Object(ctx, key, flags), table_(table), size_(size), creator_pid_(ctx.tgid()) {
  table_.total_pages_.fetch_add(pages(), std::memory_order_relaxed);
}

Segment::~Segment() { table_.total_pages_.fetch_sub(pages(), std::memory_order_relaxed); }

Result<Ref<SharedFd>> Segment::Memory() {
  {
    MutexLock lock(mu);
    if (memory_) return memory_.ToRef();
  }
  Ref<SharedFd> fresh = TRY(mm::CreateMemoryFile(absl::StrFormat("SYSV%08x", static_cast<uint32_t>(key())), pages() * 4096));
  MutexLock lock(mu);
  if (!memory_) memory_ = fresh;
  return memory_.ToRef();
}

abi::ShmidDs Segment::Describe() const {
  abi::ShmidDs ds;
  MutexLock lock(mu);
  ds.shm_perm = DescribePermissions();
  if (doomed_) ds.shm_perm.mode |= abi::kSHM_DEST;
  ds.shm_segsz = size_;
  ds.shm_atim = attach_time_;
  ds.shm_dtim = detach_time_;
  ds.shm_ctim = change_time;
  ds.shm_cpid = creator_pid_;
  ds.shm_lpid = last_pid_;
  ds.shm_nattch = static_cast<uint64_t>(attachments_.load(std::memory_order_relaxed));
  return ds;
}

// ---- attachments ------------------------------------------------------------------------------------------------------------

const void* Attachment::Tag() {
  static const char tag = 0;
  return &tag;
}

Attachment::~Attachment() {
  {
    MutexLock lock(segment_->mu);
    segment_->detach_time_ = Seconds();
    segment_->last_pid_ = pid_;
  }
  if (segment_->attachments_.fetch_sub(1, std::memory_order_acq_rel) == 1) segment_->table_.DropIfDoomed(*segment_);
}

Result<Ref<SharedFd>> Attachment::HostFile(bool) { return segment_->Memory(); }

std::string Attachment::Name() const { return absl::StrFormat("/SYSV%08x (deleted)", static_cast<uint32_t>(segment_->key())); }

RefPtr<mm::Mappable> Attachment::ForChild() {
  // The parent's attachment keeps the count above 0.
  segment_->attachments_.fetch_add(1, std::memory_order_relaxed);
  return MakeRef<Attachment>(segment_, pid_, keep_);
}

// ---- table ------------------------------------------------------------------------------------------------------------------

Result<int32_t> ShmTable::Get(Context& ctx, int32_t key, uint64_t size, int32_t flags) {
  const auto check = [&](Segment& segment) -> Result<void> {
    if (size > segment.size()) return Errno::kEINVAL;
    return {};
  };
  const auto make = [&]() -> Result<Ref<Segment>> {
    if (size < abi::kSHMMIN || size > max_size.load(std::memory_order_relaxed)) return Errno::kEINVAL;
    const uint64_t pages = size / 4096 + (size % 4096 != 0 ? 1 : 0);
    if (total_pages_.load(std::memory_order_relaxed) + pages > max_pages.load(std::memory_order_relaxed)) return Errno::kENOSPC;
    // Huge pages: none are set aside. Else the heuristic of overcommit mode 0: no more than the machine has.
    if ((flags & abi::kSHM_HUGETLB) != 0) return Errno::kENOMEM;
    if (pages > machine::ReadMemoryInfo().total_bytes / 4096 && (flags & abi::kSHM_NORESERVE) == 0) return Errno::kENOMEM;
    if (pages > static_cast<uint64_t>(INT64_MAX) / 4096) return Errno::kENOMEM;
    return MakeRef<Segment>(*this, ctx, key, flags, size);
  };
  return segments_.Get(ctx, key, flags, max_segments.load(std::memory_order_relaxed), check, make);
}

Result<Ref<Attachment>> ShmTable::Attach(Context& ctx, int32_t id, uint32_t access, Ref<RefCounted> keep) {
  const Ref<Segment> segment = TRY(segments_.Find(id));
  MutexLock lock(segment->mu);
  TRY(segment->MayAccess(ctx, access));
  if (segment->removed) return Errno::kEIDRM;
  segment->attachments_.fetch_add(1, std::memory_order_relaxed);
  segment->attach_time_ = Seconds();
  segment->last_pid_ = ctx.tgid();
  return MakeRef<Attachment>(segment, ctx.tgid(), std::move(keep));
}

void ShmTable::DropIfDoomed(Segment& segment) {
  RefPtr<Segment> gone;
  {
    MutexLock lock(segment.mu);
    if (!segment.doomed_ || segment.removed || segment.attachments_.load(std::memory_order_acquire) != 0) return;
    segment.removed = true;
  }
  gone = segments_.Remove(segment);
}

Result<abi::ShmidDs> ShmTable::Stat(Context& ctx, int32_t id) {
  const Ref<Segment> segment = TRY(segments_.Find(id));
  {
    MutexLock lock(segment->mu);
    TRY(segment->MayAccess(ctx, 0444));
  }
  return segment->Describe();
}

Result<abi::ShmidDs> ShmTable::StatIndex(Context& ctx, int32_t index, bool any, int32_t& id) {
  const Ref<Segment> segment = TRY(segments_.FindIndex(index));
  if (!any) {
    MutexLock lock(segment->mu);
    TRY(segment->MayAccess(ctx, 0444));
  }
  id = segment->id();
  return segment->Describe();
}

Result<void> ShmTable::Set(Context& ctx, int32_t id, const abi::ShmidDs& values) {
  const Ref<Segment> segment = TRY(segments_.Find(id));
  MutexLock lock(segment->mu);
  TRY(segment->MayControl(ctx));
  segment->SetOwner(values.shm_perm.uid, values.shm_perm.gid, values.shm_perm.mode);
  segment->change_time = Seconds();
  return {};
}

Result<void> ShmTable::Remove(Context& ctx, int32_t id) {
  const Ref<Segment> segment = TRY(segments_.Find(id));
  {
    MutexLock lock(segment->mu);
    TRY(segment->MayControl(ctx));
    segment->doomed_ = true;
  }
  // shmctl(2): while it is attached it lives on without a key, and goes with the last detach.
  segments_.HideKey(segment);
  DropIfDoomed(segment);
  return {};
}

Result<void> ShmTable::Lock(Context& ctx, int32_t id, bool lock_it, bool may_lock_memory) {
  const Ref<Segment> segment = TRY(segments_.Find(id));
  MutexLock lock(segment->mu);
  const cred::Credentials& creds = ctx.creds();
  if (!creds.Has(abi::kCAP_IPC_LOCK)) {
    if (creds.euid != segment->permissions.uid && creds.euid != segment->permissions.cuid) return Errno::kEPERM;
    if (lock_it && !may_lock_memory) return Errno::kEPERM;
  }
  // Kept and reported: the sentry has no swap of its own.
  if (lock_it) {
    segment->permissions.mode |= abi::kSHM_LOCKED;
  } else {
    segment->permissions.mode &= ~static_cast<uint32_t>(abi::kSHM_LOCKED);
  }
  return {};
}

abi::ShmInfoLimits ShmTable::Limits() const {
  abi::ShmInfoLimits limits;
  limits.shmmax = max_size.load(std::memory_order_relaxed);
  limits.shmmin = abi::kSHMMIN;
  limits.shmmni = limits.shmseg = static_cast<uint64_t>(max_segments.load(std::memory_order_relaxed));
  limits.shmall = max_pages.load(std::memory_order_relaxed);
  return limits;
}

abi::ShmInfo ShmTable::Info() const {
  abi::ShmInfo info;
  info.used_ids = segments_.size();
  info.shm_tot = total_pages_.load(std::memory_order_relaxed);
  for (const Ref<Segment>& segment : segments_.All()) {
    RefPtr<SharedFd> memory;
    {
      MutexLock lock(segment->mu);
      memory = segment->memory_;
    }
    if (!memory) continue;
    if (auto bytes = mm::MemoryFileAllocated(*memory); bytes.ok()) info.shm_rss += *bytes / 4096;
  }
  return info;
}

std::string ShmTable::ProcText() const {
  std::string out =
      "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
      "                   rss                  swap\n";
  for (const Ref<Segment>& segment : segments_.All()) {
    const abi::ShmidDs ds = segment->Describe();
    RefPtr<SharedFd> memory;
    {
      MutexLock lock(segment->mu);
      memory = segment->memory_;
    }
    uint64_t resident = 0;
    if (memory) {
      if (auto bytes = mm::MemoryFileAllocated(*memory); bytes.ok()) resident = *bytes;
    }
    const abi::IpcPerm& p = ds.shm_perm;
    absl::StrAppendFormat(&out, "%10d %10d  %4o %21d %5d %5d  %5d %5d %5d %5d %5d %10d %10d %10d %21d %21d\n", p.key, segment->id(), p.mode,
                          ds.shm_segsz, ds.shm_cpid, ds.shm_lpid, ds.shm_nattch, p.uid, p.gid, p.cuid, p.cgid, ds.shm_atim, ds.shm_dtim,
                          ds.shm_ctim, resident, 0);
  }
  return out;
}

}  // namespace ringwall::ipc
