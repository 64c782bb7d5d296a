// Tables of what was fetched ahead, bounded, oldest out first, and the credits that decide how much that is.
#include "sentry/fs/gofer/prefetch.h"

#include <algorithm>

namespace ringwall::goferfs {

namespace {

constexpr size_t kLinear = 8;          // entries that are compared one by one
constexpr size_t kMostNames = 32;      // of one request
constexpr size_t kMostScanned = 1024;  // entries of a directory in which siblings are searched
constexpr int kDescend = 32;           // credit from which whole trees are asked for
constexpr size_t kListingOverhead = 8;
static_assert(kMostNames <= gofer::kMaxLookNames);

absl::string_view Key(std::string_view name) { return absl::string_view(name.data(), name.size()); }

}  // namespace

size_t Listing::Find(std::string_view name) const {
  if (entries_.size() <= kLinear) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].name == name) return i;
    }
    return kNone;
  }
  absl::call_once(indexed_, [this] {
    index_.reserve(entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(Key(entries_[i].name), static_cast<uint32_t>(i));
  });
  const auto it = index_.find(Key(name));
  return it == index_.end() ? kNone : it->second;
}

// ---- listings ----

RefPtr<Listing> Prefetch::Find(uint64_t directory, const Moment& now, bool* valid) {
  MutexLock lock(mu_);
  const auto it = directories_.find(directory);
  if (it == directories_.end()) return nullptr;
  directory_ages_.splice(directory_ages_.begin(), directory_ages_, it->second.age);
  *valid = !it->second.changed && Valid(it->second.when, now);
  return it->second.listing;
}

RefPtr<Listing> Prefetch::List(uint64_t directory, const Moment& now) {
  MutexLock lock(mu_);
  const auto it = directories_.find(directory);
  if (it == directories_.end() || it->second.changed || !Valid(it->second.when, now)) {
    list_credit_.Earn(1);
    return nullptr;
  }
  directory_ages_.splice(directory_ages_.begin(), directory_ages_, it->second.age);
  if (it->second.unused) list_credit_.Earn(2);
  it->second.unused = false;
  return it->second.listing;
}

void Prefetch::EraseListingLocked(uint64_t directory, Dropped& dropped) {
  const auto it = directories_.find(directory);
  if (it == directories_.end()) return;
  listed_ -= it->second.listing->entries().size() + kListingOverhead;
  dropped.listings.push_back(std::move(it->second.listing));
  directory_ages_.erase(it->second.age);
  directories_.erase(it);
}

void Prefetch::KeepListingLocked(uint64_t directory, Ref<Listing> listing, const Moment& when, bool unused, Dropped& dropped) {
  const size_t size = listing->entries().size() + kListingOverhead;
  if (!lasting()) EraseListingLocked(directory, dropped);
  if (size > limits_.listed / 2 || directories_.contains(directory)) {
    dropped.listings.push_back(std::move(listing));
    return;
  }
  listed_ += size;
  directory_ages_.push_front(directory);
  std::vector<bool> asked(listing->entries().size());
  directories_.emplace(directory, Directory{std::move(listing), when, false, std::move(asked), unused, directory_ages_.begin()});
  while (listed_ > limits_.listed) EraseListingLocked(directory_ages_.back(), dropped);
}

void Prefetch::KeepListing(uint64_t directory, Ref<Listing> listing, const Moment& when) {
  Dropped dropped;
  MutexLock lock(mu_);
  if (when.changes != changes_.load()) {
    dropped.listings.push_back(std::move(listing));
    return;
  }
  KeepListingLocked(directory, std::move(listing), when, false, dropped);
}

bool Prefetch::IsAbsent(uint64_t directory, std::string_view name, const Moment& now) {
  if (!trust_.exclusive) return false;
  bool valid = false;
  const RefPtr<Listing> listing = Find(directory, now, &valid);
  return listing && valid && listing->Find(name) == Listing::kNone;
}

Prefetch::NameChange::NameChange(Prefetch* prefetch, uint64_t directory, std::string_view name)
    : prefetch_(prefetch), directory_(directory), name_(name) {
  if (prefetch_ != nullptr) prefetch_->changes_.fetch_add(1);
}

Prefetch::NameChange::~NameChange() {
  if (prefetch_ == nullptr) return;
  Dropped dropped;
  MutexLock lock(prefetch_->mu_);
  prefetch_->changes_.fetch_add(1);
  prefetch_->EraseItemLocked(ItemKey(directory_, name_), dropped);
  const auto it = prefetch_->directories_.find(directory_);
  if (it != prefetch_->directories_.end()) it->second.changed = true;
}

// ---- names ----

std::optional<Prefetch::Item> Prefetch::Take(uint64_t directory, std::string_view name, const Moment& now) {
  Dropped dropped;
  MutexLock lock(mu_);
  if (items_.empty()) return std::nullopt;
  const ItemKey key(directory, name);
  const auto it = items_.find(key);
  if (it == items_.end()) return std::nullopt;
  if (!Valid(it->second.item.when, now)) {
    EraseItemLocked(key, dropped);
    return std::nullopt;
  }
  (it->second.is_directory ? directory_credit_ : file_credit_).Earn(2);
  std::optional<Item> item(std::move(it->second.item));
  if (item->contents != nullptr) contents_bytes_ -= item->contents->size();
  if (item->file.valid()) --files_;
  item_ages_.erase(it->second.age);
  items_.erase(it);
  return item;
}

bool Prefetch::AwaitsLocked(uint64_t directory, std::string_view name, bool* expired, const Moment& now) {
  const auto it = items_.find(ItemKey(directory, name));
  *expired = it != items_.end() && !Valid(it->second.item.when, now);
  return it != items_.end();
}

Prefetch::Plan Prefetch::PlanLookup(uint64_t directory, std::string_view name, const Moment& now) {
  using gofer::EntryType;
  using gofer::LookFlag;
  Plan plan;
  bool valid = false;
  plan.listing = Find(directory, now, &valid);
  if (!plan.listing) return plan;
  const std::vector<gofer::ListedEntry>& entries = plan.listing->entries();
  const size_t index = plan.listing->Find(name);
  if (index == Listing::kNone) {
    plan.absent = valid && trust_.exclusive;
    return plan;
  }
  const bool wants_directory = entries[index].type == EntryType::kDirectory;
  plan.names.push_back(name);
  MutexLock lock(mu_);
  Credit& credit = wants_directory ? directory_credit_ : file_credit_;
  credit.Earn(1);
  const size_t most = static_cast<size_t>(std::clamp(credit.value(), 1, static_cast<int>(kMostNames)));
  const bool files = wants_directory ? file_credit_.value() >= kDescend : true;
  if (wants_directory) {
    if (list_credit_.value() > 0) plan.flags = LookFlag::kList;
    if (list_credit_.value() >= kDescend && credit.value() >= kDescend) {
      plan.flags = plan.flags | LookFlag::kDescend;
      if (files) plan.flags = plan.flags | LookFlag::kFiles;
    }
  }
  if (files) {
    plan.flags = plan.flags | LookFlag::kReadLink;
    if (contents_credit_.value() > 0) plan.flags = plan.flags | LookFlag::kContents;
    if (open_credit_.value() > 0 && files_ < limits_.files) plan.flags = plan.flags | LookFlag::kOpen;
  }
  const auto it = directories_.find(directory);
  if (it == directories_.end() || it->second.listing.get() != plan.listing.get()) return plan;
  std::vector<bool>& asked = it->second.asked;
  asked[index] = true;
  // Walkers go on in this order, or come around to all of them in some order of their own.
  const size_t scanned = std::min(entries.size() - 1, kMostScanned);
  for (size_t n = 1; n <= scanned && plan.names.size() < most; ++n) {
    const size_t i = (index + n) % entries.size();
    if ((entries[i].type == EntryType::kDirectory) != wants_directory) continue;
    if (asked[i]) {
      bool expired = false;
      if (lasting() || !AwaitsLocked(directory, entries[i].name, &expired, now) || !expired) continue;
    }
    asked[i] = true;
    plan.names.push_back(entries[i].name);
  }
  return plan;
}

void Prefetch::EraseItemLocked(const ItemKey& key, Dropped& dropped) {
  const auto it = items_.find(key);
  if (it == items_.end()) return;
  if (it->second.item.contents != nullptr) contents_bytes_ -= it->second.item.contents->size();
  if (it->second.item.file.valid()) --files_;
  dropped.items.push_back(std::move(it->second.item));
  item_ages_.erase(it->second.age);
  items_.erase(it);
}

void Prefetch::DropOldestItemLocked(Dropped& dropped) {
  const ItemKey oldest = item_ages_.back();
  EraseItemLocked(oldest, dropped);
}

void Prefetch::PutItemLocked(uint64_t directory, std::string name, Item item, Dropped& dropped) {
  const gofer::Attributes& attributes = item.found.attributes;
  const bool is_directory = attributes.type() == gofer::kTypeDirectory;
  (is_directory ? directory_credit_ : file_credit_).Spend();
  if (item.file.valid()) open_credit_.Spend();
  if (item.contents != nullptr) contents_credit_.Spend();
  ItemKey key(directory, std::move(name));
  // A file with several names may change under another one.
  if (!trust_.read_only && !is_directory && attributes.nlink > 1) {
    dropped.items.push_back(std::move(item));
    return;
  }
  EraseItemLocked(key, dropped);
  if (item.contents != nullptr) contents_bytes_ += item.contents->size();
  if (item.file.valid()) ++files_;
  item_ages_.push_front(key);
  items_.emplace(std::move(key), StoredItem{std::move(item), is_directory, item_ages_.begin()});
  while (items_.size() > limits_.names) DropOldestItemLocked(dropped);
  TrimContentsLocked(dropped);
}

void Prefetch::TrimContentsLocked(Dropped& dropped) {
  while (contents_bytes_ > limits_.contents_bytes || contents_.size() > limits_.names) {
    if (contents_.empty()) {
      DropOldestItemLocked(dropped);
      continue;
    }
    const auto oldest = contents_.find(contents_ages_.back());
    contents_bytes_ -= oldest->second.contents->size();
    dropped.contents.push_back(std::move(oldest->second.contents));
    contents_.erase(oldest);
    contents_ages_.pop_back();
  }
}

std::optional<Prefetch::Item> Prefetch::Store(uint64_t directory, const Plan& plan, std::vector<gofer::LookedUp> results,
                                              const Moment& when) {
  const auto named = static_cast<size_t>(std::count_if(results.begin(), results.end(), [](const auto& r) { return r.parent == 0; }));
  std::optional<Item> first;
  Dropped dropped;
  MutexLock lock(mu_);
  const bool changed = when.changes != changes_.load();
  std::vector<uint64_t> ids(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    gofer::LookedUp& result = results[i];
    if (!result.node) continue;
    ids[i] = result.node->id().value;
    if (changed && i != 0) break;
    if (result.listed && !changed) {
      list_credit_.Spend();
      KeepListingLocked(ids[i], MakeRef<Listing>(std::move(result.entries)), when, true, dropped);
    }
    Item item{{result.node.ToRef(), result.attributes}, nullptr, std::move(result.target), std::move(result.file), when};
    if (result.has_contents) item.contents = std::make_shared<const std::string>(std::move(result.contents));
    if (i == 0) {
      item.ahead = false;
      first = std::move(item);
      continue;
    }
    uint64_t parent = directory;
    if (result.parent != 0) {
      parent = ids[result.parent - 1];
      const auto above = directories_.find(parent);
      if (above != directories_.end()) {
        const size_t index = above->second.listing->Find(result.name);
        if (index != Listing::kNone) above->second.asked[index] = true;
      }
    }
    PutItemLocked(parent, std::move(result.name), std::move(item), dropped);
  }
  // Names that there was no room for may ride with another one.
  const auto asked = directories_.find(directory);
  if (asked != directories_.end() && asked->second.listing.get() == plan.listing.get()) {
    for (size_t i = named; i < plan.names.size(); ++i) asked->second.asked[plan.listing->Find(plan.names[i])] = false;
  }
  return first;
}

// ---- contents ----

void Prefetch::KeepContents(const GoferInode* inode, Contents contents) {
  Dropped dropped;
  MutexLock lock(mu_);
  if (contents_.contains(inode)) {
    dropped.contents.push_back(std::move(contents));
    return;
  }
  contents_bytes_ += contents->size();
  contents_ages_.push_front(inode);
  contents_.emplace(inode, StoredContents{std::move(contents), true, contents_ages_.begin()});
  TrimContentsLocked(dropped);
}

Prefetch::Contents Prefetch::FindContents(const GoferInode* inode) {
  MutexLock lock(mu_);
  const auto it = contents_.find(inode);
  if (it == contents_.end()) return nullptr;
  contents_ages_.splice(contents_ages_.begin(), contents_ages_, it->second.age);
  if (it->second.unused) contents_credit_.Earn(2);
  it->second.unused = false;
  return it->second.contents;
}

void Prefetch::ForgetContents(const GoferInode* inode) {
  Dropped dropped;
  MutexLock lock(mu_);
  const auto it = contents_.find(inode);
  if (it == contents_.end()) return;
  contents_bytes_ -= it->second.contents->size();
  dropped.contents.push_back(std::move(it->second.contents));
  contents_ages_.erase(it->second.age);
  contents_.erase(it);
}

void Prefetch::FileOpened(uint64_t size) {
  MutexLock lock(mu_);
  (lasting() && size <= gofer::kMaxLookContents ? contents_credit_ : open_credit_).Earn(2);
}

void Prefetch::DonatedFileOpened() {
  MutexLock lock(mu_);
  open_credit_.Earn(2);
}

void Prefetch::Clear() {
  Dropped dropped;
  MutexLock lock(mu_);
  for (auto& [id, directory] : directories_) dropped.listings.push_back(std::move(directory.listing));
  for (auto& [key, stored] : items_) dropped.items.push_back(std::move(stored.item));
  for (auto& [inode, stored] : contents_) dropped.contents.push_back(std::move(stored.contents));
  directories_.clear();
  directory_ages_.clear();
  items_.clear();
  item_ages_.clear();
  contents_.clear();
  contents_ages_.clear();
  listed_ = contents_bytes_ = files_ = 0;
}

}  // namespace ringwall::goferfs
