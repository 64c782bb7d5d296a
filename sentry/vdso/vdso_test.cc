// The vDSO natively: its image loaded into this process, its answers compared with the host's clock.
#include "sentry/vdso/vdso.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "abi/elf.h"
#include "sentry/time/clock.h"

namespace ringwall::vdso {
namespace {

// Maps data page and image as the loader does and finds symbols as a C library does: dynamic section, symbol and string tables.
class Image {
 public:
  explicit Image(Vdso& vdso) : size_(vdso.image_bytes() + 4096) {
    base_ = static_cast<std::byte*>(mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const Ref<SharedFd> data = *vdso.data()->HostFile(false), code = *vdso.image()->HostFile(false);
    mmap(base_, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, data->get(), 0);
    mmap(base_ + 4096, size_ - 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, code->get(), 0);
  }
  ~Image() { munmap(base_, size_); }

  template <typename F>
  F* Find(const char* name) {
    const std::byte* elf = base_ + 4096;
    abi::Elf64Ehdr header;
    std::memcpy(&header, elf, sizeof(header));
    const auto* phdrs = reinterpret_cast<const abi::Elf64Phdr*>(elf + header.e_phoff);
    const abi::Elf64Sym* symbols = nullptr;
    const char* strings = nullptr;
    const uint32_t* hash = nullptr;
    for (int i = 0; i < header.e_phnum; ++i) {
      if (phdrs[i].p_type != abi::kPT_DYNAMIC) continue;
      for (const auto* d = reinterpret_cast<const abi::Elf64Dyn*>(elf + phdrs[i].p_vaddr); d->d_tag != abi::kDT_NULL; ++d) {
        if (d->d_tag == abi::kDT_SYMTAB) symbols = reinterpret_cast<const abi::Elf64Sym*>(elf + d->d_val);
        if (d->d_tag == abi::kDT_STRTAB) strings = reinterpret_cast<const char*>(elf + d->d_val);
        if (d->d_tag == abi::kDT_HASH) hash = reinterpret_cast<const uint32_t*>(elf + d->d_val);
      }
    }
    for (uint32_t i = 0; i < hash[1]; ++i) {
      if (std::strcmp(strings + symbols[i].st_name, name) == 0)
        return reinterpret_cast<F*>(const_cast<std::byte*>(elf) + symbols[i].st_value);
    }
    return nullptr;
  }

 private:
  size_t size_;
  std::byte* base_;
};

using ClockGettime = int(int, timespec*);

int64_t Ns(const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; }

class VdsoTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(vdso_.available());
    if (vdso_.page() == nullptr) GTEST_SKIP() << "no invariant time-stamp counter";
  }
  void WaitUntilValid() {
    for (int i = 0; i < 1000 && vdso_.page()->valid == 0; ++i) {
      usleep(1000);
      vdso_.MaybeRefresh();
    }
    ASSERT_NE(vdso_.page()->valid, 0u);
  }
  Vdso vdso_;
};

TEST_F(VdsoTest, AnswersBeforeThePageIsValid) {
  Image image(vdso_);
  auto* get = image.Find<ClockGettime>("__vdso_clock_gettime");
  ASSERT_NE(get, nullptr);
  timespec t;
  ASSERT_EQ(get(CLOCK_MONOTONIC, &t), 0);
  EXPECT_LT(std::abs(Ns(t) - time::MonotonicNs()), 50'000'000);
  EXPECT_EQ(get(12345, &t), -EINVAL);
  EXPECT_EQ(get(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
}

TEST_F(VdsoTest, FollowsTheHostAndNeverGoesBack) {
  Image image(vdso_);
  auto* get = image.Find<ClockGettime>("__vdso_clock_gettime");
  WaitUntilValid();
  std::atomic<bool> stop{false};
  std::thread refresher([&] {
    while (!stop.load()) {
      vdso_.MaybeRefresh();
      usleep(500);
    }
  });
  int64_t last = 0, worst_ahead = 0;
  std::vector<int64_t> lags;
  const int64_t end = time::MonotonicNs() + 1'000'000'000;
  for (int64_t now = 0; now < end;) {
    timespec t;
    const int64_t before = time::MonotonicNs();
    ASSERT_EQ(get(CLOCK_MONOTONIC, &t), 0);
    now = time::MonotonicNs();
    ASSERT_GE(Ns(t), last);
    last = Ns(t);
    worst_ahead = std::max(worst_ahead, Ns(t) - now);
    if (now - before < 2'000) lags.push_back(before - Ns(t));  // not interrupted
  }
  stop.store(true);
  refresher.join();
  ASSERT_GT(lags.size(), 1000u);
  std::sort(lags.begin(), lags.end());
  // Ahead of the host by a sample's error at most; behind it by a few microseconds.
  EXPECT_LT(worst_ahead, 1'000);
  EXPECT_LT(lags[lags.size() * 99 / 100], 5'000);
  timespec t;
  ASSERT_EQ(get(CLOCK_REALTIME, &t), 0);
  EXPECT_LT(std::abs(Ns(t) - time::RealtimeNs()), 1'000'000);
  ASSERT_EQ(get(CLOCK_BOOTTIME, &t), 0);
  EXPECT_LT(std::abs(Ns(t) - time::BoottimeNs()), 1'000'000);
}

TEST_F(VdsoTest, AStalePageMakesGuestsAskTheKernel) {
  Image image(vdso_);
  auto* get = image.Find<ClockGettime>("__vdso_clock_gettime");
  WaitUntilValid();
  usleep(1'200'000);
  timespec t;
  const int64_t before = time::MonotonicNs();
  ASSERT_EQ(get(CLOCK_MONOTONIC, &t), 0);
  EXPECT_GE(Ns(t), before);  // exact: not the page's extrapolation, which lags
  vdso_.MaybeRefresh();
  EXPECT_NE(vdso_.page()->valid, 0u);
  ASSERT_EQ(get(CLOCK_MONOTONIC, &t), 0);
  EXPECT_LT(std::abs(Ns(t) - time::MonotonicNs()), 1'000'000);
}

TEST_F(VdsoTest, NobodyElseCanWrite) {
  for (const RefPtr<mm::Mappable>& part : {vdso_.data(), vdso_.image()}) {
    const Ref<SharedFd> fd = *part->HostFile(false);
    EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0), MAP_FAILED);
    void* view = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd->get(), 0);
    ASSERT_NE(view, MAP_FAILED);
    EXPECT_NE(mprotect(view, 4096, PROT_READ | PROT_WRITE), 0);
    munmap(view, 4096);
    EXPECT_EQ(pwrite(fd->get(), "x", 1, 0), -1);
    EXPECT_EQ(part->HostFile(true).error(), Errno::kEACCES);
  }
}

TEST_F(VdsoTest, TheOtherEntries) {
  Image image(vdso_);
  WaitUntilValid();
  struct Timeval {
    int64_t sec, usec;
  } tv;
  int32_t zone[2] = {1, 1};
  ASSERT_EQ((image.Find<int(Timeval*, void*)>("__vdso_gettimeofday")(&tv, zone)), 0);
  EXPECT_LE(std::abs(tv.sec - ::time(nullptr)), 1);
  EXPECT_EQ(zone[0], 0);
  int64_t out = 0;
  EXPECT_LE(std::abs(image.Find<int64_t(int64_t*)>("__vdso_time")(&out) - ::time(nullptr)), 1);
  unsigned cpu = ~0u;
  EXPECT_EQ((image.Find<long(unsigned*, unsigned*, void*)>("__vdso_getcpu")(&cpu, nullptr, nullptr)), 0);
  EXPECT_LT(cpu, 100000u);
  timespec t{1, 1};
  EXPECT_EQ(image.Find<ClockGettime>("__vdso_clock_getres")(CLOCK_MONOTONIC, &t), 0);
  EXPECT_EQ(Ns(t), 1);
  EXPECT_EQ(image.Find<ClockGettime>("__vdso_clock_getres")(CLOCK_MONOTONIC, nullptr), 0);
  EXPECT_NE(image.Find<ClockGettime>("clock_gettime"), nullptr);
}

TEST_F(VdsoTest, ADynamicLinkerAcceptsTheImage) {
  const Ref<SharedFd> code = *vdso_.image()->HostFile(false);
  void* handle = dlopen(("/proc/self/fd/" + std::to_string(code->get())).c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(handle, nullptr) << dlerror();
  EXPECT_NE(dlvsym(handle, "__vdso_clock_gettime", "LINUX_2.6"), nullptr);
  EXPECT_NE(dlvsym(handle, "__vdso_getcpu", "LINUX_2.6"), nullptr);
  dlclose(handle);
}

}  // namespace
}  // namespace ringwall::vdso
