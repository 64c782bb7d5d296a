// Prefetch: what the gofer told before anybody asked: whole listings, siblings of what was looked up, bytes of small files (of a tree that
// nobody changes), descriptors. It is believed as long as attributes are, and until
// we change it. How much is asked for ahead follows from how much of it was used lately.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/call_once.h"
#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "base/fd/unique_fd.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "gofer/client/client.h"

namespace ringwall::goferfs {

class GoferInode;

// A whole directory as it was read. Immutable.
class Listing final : public RefCounted {
 public:
  static constexpr size_t kNone = ~size_t{0};
  explicit Listing(std::vector<gofer::ListedEntry> entries) : entries_(std::move(entries)) {}
  const std::vector<gofer::ListedEntry>& entries() const { return entries_; }
  // Index of a name, or kNone.
  size_t Find(std::string_view name) const;

 private:
  const std::vector<gofer::ListedEntry> entries_;
  mutable absl::once_flag indexed_;
  mutable absl::flat_hash_map<absl::string_view, uint32_t> index_;  // views into entries_; only of larger directories
};

// Thread-safe. Directories are known by the ids of their nodes, which never come again.
class Prefetch {
 public:
  using Contents = std::shared_ptr<const std::string>;
  struct Limits {
    size_t names = 1024;               // looked up and not asked for yet: each is a descriptor over there
    size_t listed = 40000;             // entries of all listings; one has half of that at most
    size_t contents_bytes = 4u << 20;  // of all small files
    size_t files = 64;                 // donated and not opened yet: descriptors of our own
  };
  struct Trust {
    bool exclusive = false;  // nobody else changes it
    bool read_only = false;  // neither do we
    int64_t validity_ns = 0;
    bool lasting() const { return exclusive && read_only; }
  };
  Prefetch(const Trust& trust, const Limits& limits) : trust_(trust), limits_(limits) {}
  bool lasting() const { return trust_.lasting(); }

  // When something is asked for, or was: from before the request.
  struct Moment {
    int64_t ns = 0;
    uint64_t changes = 0;  // of names
    uint64_t epoch = 0;
  };
  Moment Now(int64_t now_ns) const { return {now_ns, changes_.load(), epoch_.load()}; }
  // A file that was changed is not in memory any more: its attributes may be here as they were before.
  void ChangedFileGone() { epoch_.fetch_add(1); }

  // Around a change of a name by us: what was fetched before its end is not believed of that name, and an answer that was on its way
  // brings nothing but what was asked for.
  class NameChange {
   public:
    NameChange(Prefetch* prefetch, uint64_t directory, std::string_view name);
    ~NameChange();
    NameChange(const NameChange&) = delete;
    NameChange& operator=(const NameChange&) = delete;

   private:
    Prefetch* const prefetch_;  // or null
    const uint64_t directory_;
    const std::string name_;
  };

  // ---- listings ----
  // The listing that a reader of this directory asks for, or null: then the reader says KeepListing of what it read.
  RefPtr<Listing> List(uint64_t directory, const Moment& now);
  void KeepListing(uint64_t directory, Ref<Listing> listing, const Moment& when);
  // True when the directory is known and has no such name.
  bool IsAbsent(uint64_t directory, std::string_view name, const Moment& now);

  // ---- names ----
  struct Item {
    gofer::FoundNode found;
    Contents contents;  // null: not known
    std::string target;
    UniqueFd file;  // for reading
    Moment when;
    bool ahead = true;  // fetched before it was asked for
  };
  std::optional<Item> Take(uint64_t directory, std::string_view name, const Moment& now);
  // What to ask the gofer when it has to be asked for a name: `names` begins with that name. Empty: nothing is known, look it up alone.
  struct Plan {
    RefPtr<Listing> listing;  // owns the names behind the first
    absl::InlinedVector<std::string_view, 64> names;
    gofer::Mask<gofer::LookFlag> flags;
    bool absent = false;
  };
  Plan PlanLookup(uint64_t directory, std::string_view name, const Moment& now);
  // Takes the answer. Its first result is the caller's own: that one is returned.
  std::optional<Item> Store(uint64_t directory, const Plan& plan, std::vector<gofer::LookedUp> results, const Moment& when);

  // ---- contents ----
  void KeepContents(const GoferInode* inode, Contents contents);
  Contents FindContents(const GoferInode* inode);
  void ForgetContents(const GoferInode* inode);
  // ---- descriptors ----
  // A file had to be opened for reading; one that was donated ahead was.
  void FileOpened(uint64_t size);
  void DonatedFileOpened();
  void Clear();

 private:
  // Earned by what was used, spent on what is asked for ahead.
  class Credit {
   public:
    explicit Credit(int start) : value_(start) {}
    int value() const { return value_; }
    void Earn(int n) { value_ = value_ + n > kMost ? kMost : value_ + n; }
    void Spend() { value_ = value_ - 1 < -kMost / 2 ? -kMost / 2 : value_ - 1; }

   private:
    static constexpr int kMost = 64;
    int value_;
  };
  struct Directory {
    Ref<Listing> listing;
    Moment when;
    bool changed = false;     // by us: only a hint now
    std::vector<bool> asked;  // entries that were looked up, or are being
    bool unused = false;      // read ahead, and nobody wanted it yet
    std::list<uint64_t>::iterator age;
  };
  using ItemKey = std::pair<uint64_t, std::string>;
  struct StoredItem {
    Item item;
    bool is_directory;
    std::list<ItemKey>::iterator age;
  };
  struct StoredContents {
    Contents contents;
    bool unused;
    std::list<const GoferInode*>::iterator age;
  };
  // What left the tables under the lock and dies after it.
  struct Dropped {
    std::vector<Ref<Listing>> listings;
    std::vector<Item> items;
    std::vector<Contents> contents;
  };
  bool Valid(const Moment& when, const Moment& now) const {
    if (trust_.lasting()) return true;
    if (when.epoch != now.epoch) return false;
    return trust_.exclusive || (now.ns >= when.ns && now.ns - when.ns < trust_.validity_ns);
  }
  RefPtr<Listing> Find(uint64_t directory, const Moment& now, bool* valid);
  void EraseListingLocked(uint64_t directory, Dropped& dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void KeepListingLocked(uint64_t directory, Ref<Listing> listing, const Moment& when, bool unused, Dropped& dropped)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PutItemLocked(uint64_t directory, std::string name, Item item, Dropped& dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether a sibling that was asked for waits to be taken and may still be.
  bool AwaitsLocked(uint64_t directory, std::string_view name, bool* expired, const Moment& now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EraseItemLocked(const ItemKey& key, Dropped& dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropOldestItemLocked(Dropped& dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TrimContentsLocked(Dropped& dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Trust trust_;
  const Limits limits_;
  std::atomic<uint64_t> changes_{0};
  std::atomic<uint64_t> epoch_{0};
  Mutex<LockRank::kDentryCache> mu_;
  absl::flat_hash_map<uint64_t, Directory> directories_ ABSL_GUARDED_BY(mu_);
  std::list<uint64_t> directory_ages_ ABSL_GUARDED_BY(mu_);  // last used first, as the others
  size_t listed_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<ItemKey, StoredItem> items_ ABSL_GUARDED_BY(mu_);
  std::list<ItemKey> item_ages_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<const GoferInode*, StoredContents> contents_ ABSL_GUARDED_BY(mu_);
  std::list<const GoferInode*> contents_ages_ ABSL_GUARDED_BY(mu_);
  size_t contents_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // also of items
  size_t files_ ABSL_GUARDED_BY(mu_) = 0;           // of items
  Credit directory_credit_ ABSL_GUARDED_BY(mu_){8};
  Credit file_credit_ ABSL_GUARDED_BY(mu_){8};
  Credit list_credit_ ABSL_GUARDED_BY(mu_){16};
  Credit contents_credit_ ABSL_GUARDED_BY(mu_){0};
  Credit open_credit_ ABSL_GUARDED_BY(mu_){0};
};

}  // namespace ringwall::goferfs
