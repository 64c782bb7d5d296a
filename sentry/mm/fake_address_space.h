// FakeAddressSpace: the platform's side of memory as a page table of ours, for unit tests of mm and the loader.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "platform/platform.h"
#include "sentry/mm/memory_file.h"

namespace ringwall::mm {

class FakeAddressSpace final : public platform::AddressSpace {
 public:
  struct Page {
    platform::Prot prot;
    bool shared = false;
    RefPtr<SharedFd> file;
    uint64_t offset = 0;
    std::shared_ptr<std::array<std::byte, 4096>> bytes;  // private content once written; null reads zeros or the file
  };

  explicit FakeAddressSpace(uint64_t end = 0x7ffffffff000) : end_(end) {}
  uint64_t end() const override { return end_; }

  Result<void> Apply(absl::Span<const platform::MemoryOp> ops, platform::GuestThread*) override {
    ++batches;
    for (const platform::MemoryOp& op : ops) {
      ++applied;
      if (fail_after >= 0 && fail_after-- == 0) return fail_with;
      TRY(ApplyOne(op));
    }
    return {};
  }

  size_t Read(uint64_t address, absl::Span<std::byte> to) override {
    size_t done = 0;
    while (done < to.size()) {
      const auto it = pages.find(address / 4096);
      if (it == pages.end() || !it->second.prot.read) break;
      const size_t at = address % 4096, n = std::min(to.size() - done, 4096 - at);
      if (it->second.bytes) {
        std::memcpy(to.data() + done, it->second.bytes->data() + at, n);
      } else if (it->second.file) {
        if (!ReadMemoryFile(*it->second.file, it->second.offset + at, to.subspan(done, n)).ok()) break;
      } else {
        std::memset(to.data() + done, 0, n);
      }
      done += n;
      address += n;
    }
    return done;
  }

  size_t Write(uint64_t address, absl::Span<const std::byte> from) override {
    size_t done = 0;
    while (done < from.size()) {
      const auto it = pages.find(address / 4096);
      if (it == pages.end() || !it->second.prot.write) break;
      Page& page = it->second;
      const size_t at = address % 4096, n = std::min(from.size() - done, 4096 - at);
      if (page.shared && page.file) {
        if (!WriteMemoryFile(*page.file, page.offset + at, from.subspan(done, n)).ok()) break;
      } else {
        if (!page.bytes) {
          page.bytes = std::make_shared<std::array<std::byte, 4096>>();
          page.bytes->fill(std::byte{0});
          if (page.file) (void)ReadMemoryFile(*page.file, page.offset, absl::MakeSpan(*page.bytes)).ok();
        }
        std::memcpy(page.bytes->data() + at, from.data() + done, n);
      }
      done += n;
      address += n;
    }
    return done;
  }

  Result<uint32_t> CompareExchange(uint64_t address, uint32_t expected, uint32_t desired, platform::GuestThread*) override {
    uint32_t found;
    if (Read(address, absl::MakeSpan(reinterpret_cast<std::byte*>(&found), 4)) != 4) return Errno::kEFAULT;
    if (found == expected && Write(address, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&desired), 4)) != 4)
      return Errno::kEFAULT;
    return found;
  }

  Result<void> Resident(uint64_t address, absl::Span<uint8_t> out, platform::GuestThread*) override {
    for (size_t i = 0; i < out.size(); ++i) {
      const auto it = pages.find(address / 4096 + i);
      if (it == pages.end()) return Errno::kENOMEM;
      out[i] = it->second.bytes ? 1 : 0;
    }
    return {};
  }
  uint64_t ResidentBytes() const override {
    return static_cast<uint64_t>(std::count_if(pages.begin(), pages.end(), [](const auto& p) { return p.second.bytes != nullptr; })) * 4096;
  }

  std::map<uint64_t, Page> pages;  // by page number
  int batches = 0, applied = 0;
  int fail_after = -1;  // operations until one is refused; -1 = never
  Errno fail_with = Errno::kENOMEM;

 private:
  Result<void> ApplyOne(const platform::MemoryOp& op) {
    using Kind = platform::MemoryOp::Kind;
    const uint64_t first = op.address / 4096, count = op.length / 4096;
    if (op.address % 4096 != 0 || op.length % 4096 != 0 || count == 0 || op.address < kMinAddress || op.address + op.length > end_) {
      return Errno::kEINVAL;
    }
    switch (op.kind) {
      case Kind::kMap:
        for (uint64_t i = 0; i < count; ++i) {
          Page page{.prot = op.prot, .shared = op.shared, .file = RefPtr<SharedFd>::Share(op.file), .offset = 0, .bytes = nullptr};
          if (op.file != nullptr) page.offset = op.offset + i * 4096;
          pages[first + i] = std::move(page);
        }
        return {};
      case Kind::kUnmap: pages.erase(pages.lower_bound(first), pages.lower_bound(first + count)); return {};
      case Kind::kProtect:
        for (uint64_t i = 0; i < count; ++i) {
          const auto it = pages.find(first + i);
          if (it == pages.end()) return Errno::kENOMEM;
          it->second.prot = op.prot;
        }
        return {};
      case Kind::kAdvise:
        if (op.advice == 4) {
          for (uint64_t i = 0; i < count; ++i) pages.at(first + i).bytes = nullptr;
        }
        return {};
      case Kind::kMove: {
        std::vector<Page> moved;
        for (uint64_t i = 0; i < op.from_length / 4096; ++i) {
          const auto it = pages.find(op.from / 4096 + i);
          if (it == pages.end()) return Errno::kEFAULT;
          moved.push_back(std::move(it->second));
          pages.erase(it);
        }
        while (moved.size() < count) {
          Page more = moved.back();
          more.bytes = nullptr;
          if (more.file) more.offset += 4096;
          moved.push_back(std::move(more));
        }
        for (uint64_t i = 0; i < count; ++i) pages[first + i] = std::move(moved[i]);
        return {};
      }
    }
    return Errno::kEINVAL;
  }

  const uint64_t end_;
};

}  // namespace ringwall::mm
