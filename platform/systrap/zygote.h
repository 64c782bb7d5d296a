// The zygote: a blank, unfiltered process that never runs guest code. It forks blank stubs, each with a filter and a listener of its own,
// and puts the descriptors of mapped files into the table that all stubs share.
//
// Locks: mu_ (LockRank::kPlatform) is held over a conversation with the zygote; nothing is locked under it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/sync/mutex.h"
#include "platform/systrap/contexts.h"

namespace ringwall::platform::systrap {

struct BlankStub {
  int32_t pid = 0;
  uint32_t slot = 0;
  UniqueFd listener;
};

class Zygote {
 public:
  explicit Zygote(Contexts& contexts) : contexts_(contexts) {}
  ~Zygote() = default;
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Forks it; on failure *why is a sentence for the operator.
  Result<void> Create(std::string* why);
  int32_t pid() const { return pid_; }
  // Kills it and the blank stubs that nobody took.
  void Close();

  // A process that stands before its first request. Its successor is ordered at once, so that there is one next time.
  Result<BlankStub> TakeBlank();

  // The number under which stubs can map `file`; valid until as many Release() calls.
  Result<int> AcquireNumber(SharedFd& file);
  void ReleaseNumber(int number);

 private:
  struct File {
    RefPtr<SharedFd> file;
    uint32_t users = 0;
    uint64_t last_use = 0;
  };

  Result<void> OrderBlank() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Reads replies until the one to a kInstall came (`install`) or a blank is there. Its value.
  Result<int32_t> ReadReplies(bool install) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseUnused() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Contexts& contexts_;
  UniqueFd socket_;
  int32_t pid_ = 0;
  Mutex<LockRank::kPlatform> mu_;
  int ordered_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<BlankStub> blanks_ ABSL_GUARDED_BY(mu_);
  File files_[kMaxFiles] ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint64_t, int> by_id_ ABSL_GUARDED_BY(mu_);  // SharedFd::id() to index
  uint64_t uses_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace ringwall::platform::systrap
