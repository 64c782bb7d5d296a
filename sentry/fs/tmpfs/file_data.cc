// FileData: sparse pages, and the move into a memory file.
#include "sentry/fs/tmpfs/file_data.h"

#include <algorithm>
#include <cstring>

#include "sentry/mm/memory_file.h"

namespace ringwall::tmpfs {

bool SpaceAccount::Charge(uint64_t pages) {
  uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    const uint64_t limit = this->limit();
    if (used > limit || pages > limit - used) return false;
  } while (!used_.compare_exchange_weak(used, used + pages, std::memory_order_relaxed));
  return true;
}

FileData::~FileData() { account_.Refund(charged_); }

RefPtr<Page>* FileData::Find(uint64_t index) const {
  const auto it = blocks_.find(index / kBlockPages);
  if (it == blocks_.end()) return nullptr;
  RefPtr<Page>& page = it->second->pages[index % kBlockPages];
  return page ? &page : nullptr;
}

Page* FileData::Writable(uint64_t index, bool whole) {
  if (RefPtr<Page>* page = Find(index)) {
    if ((*page)->IsExclusive()) return page->get();
    // A reader is copying from it: leave it that one.
    Ref<Page> copy = MakeRef<Page>();
    if (!whole) std::memcpy(copy->bytes, (*page)->bytes, kPageSize);
    *page = copy;
    return copy.get();
  }
  if (!account_.Charge(1)) return nullptr;
  ++charged_;
  Ref<Page> fresh = MakeRef<Page>();
  if (!whole) std::memset(fresh->bytes, 0, kPageSize);
  std::unique_ptr<Block>& block = blocks_[index / kBlockPages];
  if (block == nullptr) block = std::make_unique<Block>();
  block->pages[index % kBlockPages] = fresh;
  ++block->used;
  return fresh.get();
}

void FileData::Snapshot(uint64_t offset, size_t length, std::vector<RefPtr<Page>>& out) const {
  out.clear();
  if (length == 0) return;
  const uint64_t end = (offset + length - 1) / kPageSize;
  for (uint64_t index = offset / kPageSize; index <= end; ++index) {
    const RefPtr<Page>* page = Find(index);
    out.push_back(page != nullptr ? *page : nullptr);
  }
}

Result<size_t> FileData::Write(uint64_t offset, absl::Span<const std::byte> from) {
  if (memory_file_) {
    const uint64_t pages = (offset % kPageSize + from.size() + kPageSize - 1) / kPageSize;
    const bool charged = account_.Charge(pages);
    if (!charged) {
      // Full, unless it only overwrites.
      const Result<uint64_t> hole = mm::MemoryFileNextHole(*memory_file_, offset);
      if (!hole.ok() || hole.value() < offset + from.size()) return Errno::kENOSPC;
    }
    const Result<void> written = mm::WriteMemoryFile(*memory_file_, offset, from);
    if (charged) account_.Refund(pages);
    Reconcile();
    TRY(Result<void>(written));
    size_ = std::max(size_, offset + from.size());
    return from.size();
  }
  size_t done = 0;
  while (done < from.size()) {
    const uint64_t at = offset + done;
    const size_t within = at % kPageSize;
    const size_t n = std::min<size_t>(kPageSize - within, from.size() - done);
    Page* page = Writable(at / kPageSize, n == kPageSize);
    if (page == nullptr) break;
    std::memcpy(page->bytes + within, from.data() + done, n);
    done += n;
  }
  if (done == 0 && !from.empty()) return Errno::kENOSPC;
  if (done != 0) size_ = std::max(size_, offset + done);
  return done;
}

void FileData::FreeRange(uint64_t first, uint64_t end) {
  auto it = blocks_.lower_bound(first / kBlockPages);
  uint64_t freed = 0;
  while (it != blocks_.end() && it->first * kBlockPages < end) {
    const uint64_t base = it->first * kBlockPages;
    Block& block = *it->second;
    for (uint64_t i = 0; i < kBlockPages; ++i) {
      if (base + i < first || base + i >= end || !block.pages[i]) continue;
      block.pages[i].reset();
      --block.used;
      ++freed;
    }
    it = block.used == 0 ? blocks_.erase(it) : std::next(it);
  }
  charged_ -= freed;
  account_.Refund(freed);
}

void FileData::ZeroWithinPage(uint64_t offset, uint64_t length) {
  if (length == 0 || Find(offset / kPageSize) == nullptr) return;
  Page* page = Writable(offset / kPageSize, false);
  std::memset(page->bytes + offset % kPageSize, 0, length);
}

Result<void> FileData::Resize(uint64_t size) {
  if (memory_file_) {
    TRY(mm::ResizeMemoryFile(*memory_file_, size));
    size_ = size;
    Reconcile();
    return {};
  }
  if (size < size_) {
    FreeRange((size + kPageSize - 1) / kPageSize, ~uint64_t{0});
    if (size % kPageSize != 0) ZeroWithinPage(size, kPageSize - size % kPageSize);
  }
  size_ = size;
  return {};
}

Result<void> FileData::Punch(uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  if (memory_file_) {
    TRY(mm::PunchMemoryFile(*memory_file_, offset, length));
    Reconcile();
    return {};
  }
  const uint64_t end = offset + length;
  const uint64_t first_whole = (offset + kPageSize - 1) / kPageSize;
  const uint64_t end_whole = end / kPageSize;
  if (first_whole > end_whole) {  // inside one page
    ZeroWithinPage(offset, length);
    return {};
  }
  ZeroWithinPage(offset, first_whole * kPageSize - offset);
  FreeRange(first_whole, end_whole);
  ZeroWithinPage(end_whole * kPageSize, end - end_whole * kPageSize);
  return {};
}

Result<void> FileData::Reserve(uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  const uint64_t first = offset / kPageSize;
  const uint64_t last = (offset + length - 1) / kPageSize;
  if (memory_file_) {
    const uint64_t pages = last - first + 1;
    if (!account_.Charge(pages)) return Errno::kENOSPC;
    const Result<void> result = mm::AllocateMemoryFile(*memory_file_, offset, length);
    account_.Refund(pages);
    Reconcile();
    return result;
  }
  for (uint64_t index = first; index <= last; ++index) {
    if (Find(index) == nullptr && Writable(index, false) == nullptr) return Errno::kENOSPC;
  }
  return {};
}

Result<uint64_t> FileData::NextData(uint64_t offset) const {
  if (offset >= size_) return Errno::kENXIO;
  if (memory_file_) return mm::MemoryFileNextData(*memory_file_, offset);
  const uint64_t first = offset / kPageSize;
  for (auto it = blocks_.lower_bound(first / kBlockPages); it != blocks_.end(); ++it) {
    for (uint64_t i = 0; i < kBlockPages; ++i) {
      const uint64_t index = it->first * kBlockPages + i;
      if (index < first || !it->second->pages[i]) continue;
      const uint64_t at = std::max(offset, index * kPageSize);
      if (at >= size_) return Errno::kENXIO;
      return at;
    }
  }
  return Errno::kENXIO;
}

Result<uint64_t> FileData::NextHole(uint64_t offset) const {
  if (offset >= size_) return Errno::kENXIO;
  if (memory_file_) return mm::MemoryFileNextHole(*memory_file_, offset);
  uint64_t index = offset / kPageSize;
  while (index * kPageSize < size_ && Find(index) != nullptr) ++index;
  return std::min(std::max(offset, index * kPageSize), size_);
}

Result<Ref<SharedFd>> FileData::MoveToMemoryFile(std::string_view name) {
  if (memory_file_) return memory_file_.ToRef();
  Ref<SharedFd> file = TRY(mm::CreateMemoryFile(name, size_));
  for (const auto& [number, block] : blocks_) {
    for (uint64_t i = 0; i < kBlockPages; ++i) {
      if (!block->pages[i]) continue;
      const uint64_t at = (number * kBlockPages + i) * kPageSize;
      if (at >= size_) continue;  // reserved behind the end
      const size_t n = static_cast<size_t>(std::min(kPageSize, size_ - at));
      TRY(mm::WriteMemoryFile(*file, at, absl::Span<const std::byte>(block->pages[i]->bytes, n)));
    }
  }
  blocks_.clear();
  memory_file_ = file;
  Reconcile();
  return file;
}

void FileData::Reconcile() {
  if (!memory_file_) return;
  const Result<uint64_t> bytes = mm::MemoryFileAllocated(*memory_file_);
  if (!bytes.ok()) return;
  const uint64_t pages = bytes.value() / kPageSize;
  if (pages > charged_) account_.ForceCharge(pages - charged_);
  if (pages < charged_) account_.Refund(charged_ - pages);
  charged_ = pages;
}

}  // namespace ringwall::tmpfs
