// FileData: the bytes of one regular tmpfs file: a sparse table of pages, or, once somebody has mapped it, a memory file.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/ref/ref.h"
#include "sentry/fs/tmpfs/page.h"

namespace ringwall::tmpfs {

// Where the pages of a file system are counted. Thread-safe.
class SpaceAccount {
 public:
  explicit SpaceAccount(uint64_t limit_pages) : limit_(limit_pages) {}
  bool Charge(uint64_t pages);
  // Past the limit if need be: pages that a mapping touched are there already.
  void ForceCharge(uint64_t pages) { used_.fetch_add(pages, std::memory_order_relaxed); }
  void Refund(uint64_t pages) { used_.fetch_sub(pages, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void SetLimit(uint64_t pages) { limit_.store(pages, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> used_{0};
};

// Not thread-safe: the inode's lock guards it. Bytes of a page behind the end of the file are always zero.
class FileData {
 public:
  explicit FileData(SpaceAccount& account) : account_(account) {}
  ~FileData();
  FileData(const FileData&) = delete;
  FileData& operator=(const FileData&) = delete;

  uint64_t size() const { return size_; }
  uint64_t allocated_pages() const { return charged_; }

  // The pages that cover [offset, offset + length), null for holes. Only while !memory_file().
  void Snapshot(uint64_t offset, size_t length, std::vector<RefPtr<Page>>& out) const;
  // Writes as much as there is space for and extends the size; ENOSPC when that is nothing.
  Result<size_t> Write(uint64_t offset, absl::Span<const std::byte> from);
  Result<void> Resize(uint64_t size);
  // [offset, offset + length) reads as zeros from now on; whole pages are freed.
  Result<void> Punch(uint64_t offset, uint64_t length);
  // Space for [offset, offset + length); the size stays. ENOSPC.
  Result<void> Reserve(uint64_t offset, uint64_t length);
  // SEEK_DATA and SEEK_HOLE for offset < size. ENXIO when no data follows.
  Result<uint64_t> NextData(uint64_t offset) const;
  Result<uint64_t> NextHole(uint64_t offset) const;

  // Null until MoveToMemoryFile; then the only place of the bytes, for good.
  const RefPtr<SharedFd>& memory_file() const { return memory_file_; }
  Result<Ref<SharedFd>> MoveToMemoryFile(std::string_view name);
  // Counts what mappings allocated.
  void Reconcile();

 private:
  static constexpr uint64_t kBlockPages = 64;
  struct Block {
    std::array<RefPtr<Page>, kBlockPages> pages;
    uint32_t used = 0;
  };
  RefPtr<Page>* Find(uint64_t index) const;
  // The page for writing: there, exclusive and charged; null when there is no space. A new one is zeroed unless `whole` will be
  // overwritten.
  Page* Writable(uint64_t index, bool whole);
  void FreeRange(uint64_t first, uint64_t end);
  void ZeroWithinPage(uint64_t offset, uint64_t length);

  SpaceAccount& account_;
  uint64_t size_ = 0;
  uint64_t charged_ = 0;  // pages
  std::map<uint64_t, std::unique_ptr<Block>> blocks_;
  RefPtr<SharedFd> memory_file_;
};

}  // namespace ringwall::tmpfs
