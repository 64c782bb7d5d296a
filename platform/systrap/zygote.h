// The zygote: a blank, unfiltered process that never runs guest code. It forks blank stubs, each with a filter and a listener of its own,
// and puts the descriptors of mapped files into the table that all stubs share.
//
// Locks: mu_ (LockRank::kPlatform) is held over a conversation with the zygote; nothing is locked under it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/sync/mutex.h"
#include "platform/platform.h"
#include "platform/systrap/contexts.h"
#include "platform/systrap/cpus.h"

namespace ringwall::platform::systrap {

struct BlankStub {
  int32_t pid = 0;
  uint32_t slot = 0;
  UniqueFd listener;
};

class Zygote {
 public:
  Zygote(Contexts& contexts, const Cpus& cpus) : contexts_(contexts), cpus_(cpus) {}
  ~Zygote() = default;
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Forks it; on failure *why is a sentence for the operator.
  Result<void> Create(absl::Span<const CallShape> shapes, std::string* why);
  int32_t pid() const { return pid_; }
  // Kills it and the blank stubs that nobody took.
  void Close();

  // A process that stands before its first request.
  Result<BlankStub> TakeBlank();
  // Orders what is missing, so that there is one next time; for a thread that has no guest waiting.
  void Replenish();

  // The number under which stubs can map `file`; valid until as many Release() calls. Releasing takes no lock.
  Result<int> AcquireNumber(SharedFd& file);
  void ReleaseNumber(int number) { files_[number - kFirstFile].users.fetch_sub(1, std::memory_order_release); }
  // The host has mapped it privately, so it will again. For numbers that the caller holds.
  void NoteMapped(int number, bool exec);
  bool MapsForSure(int number, bool exec) const;

 private:
  struct File {
    RefPtr<SharedFd> file;
    uint64_t last_use = 0;
    std::atomic<uint32_t> users{0};   // made under the lock, released without
    std::atomic<bool> mapped{false};  // privately, see NoteMapped
    std::atomic<bool> mapped_exec{false};
  };

  Result<void> OrderBlank() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Reads replies until the one to a kInstall came (`install`) or a blank is there. Its value.
  Result<int32_t> ReadReplies(bool install) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Somebody waits for what it does next.
  void CallBack() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseUnused() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Contexts& contexts_;
  const Cpus& cpus_;
  UniqueFd socket_;
  int32_t pid_ = 0;
  Mutex<LockRank::kPlatform> mu_;
  int ordered_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool away_ ABSL_GUARDED_BY(mu_) = false;  // it may not run on every CPU
  int stay_ ABSL_GUARDED_BY(mu_) = 0;       // so many are not made on another CPU
  std::deque<BlankStub> blanks_ ABSL_GUARDED_BY(mu_);
  File files_[kMaxFiles];                                          // what is not atomic: guarded by mu_
  absl::flat_hash_map<uint64_t, int> by_id_ ABSL_GUARDED_BY(mu_);  // SharedFd::id() to index
  uint64_t uses_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace ringwall::platform::systrap
