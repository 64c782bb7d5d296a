// FdTable: numbers to open file descriptions.
#include "sentry/vfs/fd_table.h"

#include <algorithm>

#include "base/log/check.h"
#include "sentry/vfs/file_lock.h"

namespace ringwall::vfs {

namespace {

std::atomic<uint64_t> g_next_table_id{1};

void ReleasePosixLocks(const File& file, uint64_t table_id) {
  if (!file.path()) return;
  if (FileLocks* locks = file.path().inode().locks_if_any()) locks->ReleaseOwner(LockOwner::Kind::kPosix, table_id);
}

uint32_t IndexOf(abi::Fd fd) { return static_cast<uint32_t>(static_cast<int32_t>(fd)); }

}  // namespace

FdReservation::~FdReservation() {
  if (table_ == nullptr) return;
  MutexLock lock(table_->mu_);
  const uint32_t index = IndexOf(fd_);
  table_->slots_[index].reserved = false;
  table_->lowest_free_hint_ = std::min(table_->lowest_free_hint_, index);
}

void FdReservation::Install(Ref<File> file, FdFlags flags) && {
  FdTable* table = std::exchange(table_, nullptr);
  CHECK(table != nullptr);
  MutexLock lock(table->mu_);
  FdTable::Slot& slot = table->slots_[IndexOf(fd_)];
  slot.file = std::move(file);
  slot.cloexec = flags.cloexec;
  slot.reserved = false;
}

FdTable::FdTable() : id_(g_next_table_id.fetch_add(1, std::memory_order_relaxed)) {}

FdTable::~FdTable() {
  std::vector<Slot> slots;
  {
    MutexLock lock(mu_);
    slots.swap(slots_);
  }
  for (Slot& slot : slots) {
    if (!slot.file) continue;
    ReleasePosixLocks(*slot.file, id_);
    slot.file.reset();
  }
}

Ref<FdTable> FdTable::Create() { return Ref<FdTable>(new FdTable, Ref<FdTable>::AdoptTag{}); }

Ref<FdTable> FdTable::Clone() {
  Ref<FdTable> copy = Create();
  std::vector<Slot> slots;
  uint32_t hint;
  {
    MutexLock lock(mu_);
    slots = slots_;
    hint = lowest_free_hint_;
  }
  // Numbers that another thread of the parent has reserved are free in the child.
  for (uint32_t i = 0; i < slots.size(); ++i) {
    if (slots[i].reserved) hint = std::min(hint, i);
    slots[i].reserved = false;
  }
  MutexLock lock(copy->mu_);
  copy->slots_ = std::move(slots);
  copy->lowest_free_hint_ = hint;
  return copy;
}

Result<Ref<File>> FdTable::Get(abi::Fd fd) const {
  const uint32_t index = IndexOf(fd);
  MutexLock lock(mu_);
  if (index >= slots_.size() || !slots_[index].file) return Errno::kEBADF;
  return slots_[index].file.ToRef();
}

Result<Ref<File>> FdTable::GetForIo(abi::Fd fd) const {
  Ref<File> file = TRY(Get(fd));
  if (file->kind() == FileKind::kPath) return Errno::kEBADF;
  return file;
}

Result<FdFlags> FdTable::GetFlags(abi::Fd fd) const {
  const uint32_t index = IndexOf(fd);
  MutexLock lock(mu_);
  if (index >= slots_.size() || !slots_[index].file) return Errno::kEBADF;
  return FdFlags{.cloexec = slots_[index].cloexec};
}

Result<void> FdTable::SetFlags(abi::Fd fd, FdFlags flags) {
  const uint32_t index = IndexOf(fd);
  MutexLock lock(mu_);
  if (index >= slots_.size() || !slots_[index].file) return Errno::kEBADF;
  slots_[index].cloexec = flags.cloexec;
  return {};
}

void FdTable::GrowLocked(uint32_t at_least) {
  if (at_least <= slots_.size()) return;
  size_t size = std::max<size_t>(slots_.size(), 64);
  while (size < at_least) size *= 2;
  slots_.resize(std::min<size_t>(size, kMaxFds));
}

Result<uint32_t> FdTable::TakeFreeLocked(uint64_t limit, uint32_t from) {
  const auto end = static_cast<uint32_t>(std::min<uint64_t>(limit, kMaxFds));
  const bool from_hint = from <= lowest_free_hint_;
  uint32_t index = from_hint ? lowest_free_hint_ : from;
  while (index < slots_.size() && (slots_[index].file || slots_[index].reserved)) ++index;
  if (from_hint) lowest_free_hint_ = index;
  if (index >= end) return Errno::kEMFILE;
  GrowLocked(index + 1);
  slots_[index].reserved = true;
  slots_[index].cloexec = false;
  if (from_hint) lowest_free_hint_ = index + 1;
  return index;
}

Result<FdReservation> FdTable::Reserve(uint64_t limit, uint32_t from) {
  MutexLock lock(mu_);
  const uint32_t index = TRY(TakeFreeLocked(limit, from));
  return FdReservation(this, static_cast<abi::Fd>(static_cast<int32_t>(index)));
}

Result<abi::Fd> FdTable::Add(Ref<File> file, FdFlags flags, uint64_t limit, uint32_t from) {
  MutexLock lock(mu_);
  const uint32_t index = TRY(TakeFreeLocked(limit, from));
  Slot& slot = slots_[index];
  slot.file = std::move(file);
  slot.cloexec = flags.cloexec;
  slot.reserved = false;
  return static_cast<abi::Fd>(static_cast<int32_t>(index));
}

Result<RefPtr<File>> FdTable::Replace(abi::Fd fd, Ref<File> file, FdFlags flags, uint64_t limit) {
  const uint32_t index = IndexOf(fd);
  if (index >= std::min<uint64_t>(limit, kMaxFds)) return Errno::kEBADF;
  MutexLock lock(mu_);
  GrowLocked(index + 1);
  Slot& slot = slots_[index];
  if (slot.reserved) return Errno::kEBUSY;
  RefPtr<File> old = std::move(slot.file);
  slot.file = std::move(file);
  slot.cloexec = flags.cloexec;
  return old;
}

Result<Ref<File>> FdTable::Remove(abi::Fd fd) {
  const uint32_t index = IndexOf(fd);
  MutexLock lock(mu_);
  if (index >= slots_.size() || !slots_[index].file) return Errno::kEBADF;
  RefPtr<File> file = std::move(slots_[index].file);
  slots_[index].cloexec = false;
  lowest_free_hint_ = std::min(lowest_free_hint_, index);
  return std::move(file).ToRef();
}

std::vector<std::pair<abi::Fd, Ref<File>>> FdTable::RemoveRange(uint32_t first, uint32_t last) {
  std::vector<std::pair<abi::Fd, Ref<File>>> removed;
  MutexLock lock(mu_);
  for (uint64_t i = first; i <= last && i < slots_.size(); ++i) {
    if (!slots_[i].file) continue;
    removed.emplace_back(static_cast<abi::Fd>(static_cast<int32_t>(i)), std::move(slots_[i].file).ToRef());
    slots_[i].file = nullptr;
    slots_[i].cloexec = false;
    lowest_free_hint_ = std::min(lowest_free_hint_, static_cast<uint32_t>(i));
  }
  return removed;
}

void FdTable::SetCloexecRange(uint32_t first, uint32_t last) {
  MutexLock lock(mu_);
  for (uint64_t i = first; i <= last && i < slots_.size(); ++i) {
    if (slots_[i].file) slots_[i].cloexec = true;
  }
}

std::vector<std::pair<abi::Fd, Ref<File>>> FdTable::RemoveCloexec() {
  std::vector<std::pair<abi::Fd, Ref<File>>> removed;
  MutexLock lock(mu_);
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].file || !slots_[i].cloexec) continue;
    removed.emplace_back(static_cast<abi::Fd>(static_cast<int32_t>(i)), std::move(slots_[i].file).ToRef());
    slots_[i].file = nullptr;
    slots_[i].cloexec = false;
    lowest_free_hint_ = std::min(lowest_free_hint_, i);
  }
  return removed;
}

std::vector<abi::Fd> FdTable::OpenFds() const {
  std::vector<abi::Fd> out;
  MutexLock lock(mu_);
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].file) out.push_back(static_cast<abi::Fd>(static_cast<int32_t>(i)));
  }
  return out;
}

uint32_t FdTable::Capacity() const {
  MutexLock lock(mu_);
  return std::max<uint32_t>(64, static_cast<uint32_t>(slots_.size()));
}

Result<void> FinishClose(Context& ctx, const Ref<File>& file, const FdTable& table) {
  ReleasePosixLocks(*file, table.id());
  return file->Flush(ctx);
}

}  // namespace ringwall::vfs
