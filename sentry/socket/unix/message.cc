// Accounting of files and bytes in flight.
#include "sentry/socket/unix/message.h"

#include "absl/container/flat_hash_map.h"
#include "base/sync/mutex.h"
#include "sentry/socket/unix/endpoint.h"

namespace ringwall::socket::unix_domain {

namespace {

// Differs from Linux: a fixed limit instead of RLIMIT_NOFILE, which capabilities do not lift. Sockets that are only reachable through their
// own queues are not collected (unix(7) calls that in-flight garbage); this bounds what they can hold.
constexpr size_t kMaxFilesInFlight = 16384;

struct InFlight {
  Mutex<LockRank::kSocketAddress> mu;
  absl::flat_hash_map<uint32_t, size_t> by_user ABSL_GUARDED_BY(mu);
};
InFlight& Counts() {
  static InFlight* counts = new InFlight;
  return *counts;
}

void Uncount(uint32_t uid, size_t n) {
  InFlight& counts = Counts();
  MutexLock lock(counts.mu);
  const auto it = counts.by_user.find(uid);
  if (it == counts.by_user.end()) return;
  it->second -= n;
  if (it->second == 0) counts.by_user.erase(it);
}

// A dropped file may be a socket with files in its queue, and so on: a loop instead of a recursion whose depth a guest would choose.
void Drop(std::vector<Ref<vfs::File>> files) {
  thread_local std::vector<Ref<vfs::File>>* t_dropping = nullptr;
  if (t_dropping != nullptr) {
    for (Ref<vfs::File>& file : files) t_dropping->push_back(std::move(file));
    // What is left in `files` are empty shells.
    return;
  }
  t_dropping = &files;
  while (!files.empty()) {
    const Ref<vfs::File> last = std::move(files.back());
    files.pop_back();
  }
  t_dropping = nullptr;
}

}  // namespace

Result<Rights> Rights::Take(uint32_t uid, const std::vector<Ref<vfs::File>>& files) {
  Rights rights;
  if (files.empty()) return rights;
  {
    InFlight& counts = Counts();
    MutexLock lock(counts.mu);
    size_t& count = counts.by_user[uid];
    if (count + files.size() > kMaxFilesInFlight) return Errno::kETOOMANYREFS;
    count += files.size();
  }
  rights.uid_ = uid;
  rights.files_ = files;
  return rights;
}

std::vector<Ref<vfs::File>> Rights::Release() {
  if (!files_.empty()) Uncount(uid_, files_.size());
  return std::exchange(files_, {});
}

Rights::~Rights() {
  if (!files_.empty()) Drop(Release());
}

Charge::~Charge() {
  if (sender_) sender_->Uncharge(amount_);
}

}  // namespace ringwall::socket::unix_domain
