// Open directories: entries come in batches, positions are the host's own cookies, moved up by two for "." and "..".
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "sentry/fs/gofer/file.h"
#include "sentry/fs/gofer/inode.h"

namespace ringwall::goferfs {

namespace {

constexpr uint8_t kDtDir = 4;
constexpr int64_t kFirst = 2;
constexpr int64_t kEnd = INT64_MAX;

// Hash-ordered host file systems use the whole range of off_t; their last values mean the end.
int64_t ToPosition(uint64_t cookie) { return cookie > static_cast<uint64_t>(kEnd - kFirst) ? kEnd : static_cast<int64_t>(cookie) + kFirst; }
uint64_t ToCookie(int64_t position) { return static_cast<uint64_t>(position - kFirst); }

class GoferDirectory final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kDirectory;
  GoferDirectory(vfs::Path path, uint32_t flags) : File(kKind, std::move(path), flags) {}
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kEISDIR; }

  Result<void> ReadDirAt(Context& ctx, vfs::DirSink& sink, uint64_t& position) override {
    if (position > static_cast<uint64_t>(kEnd)) return {};
    if (position == 0) {
      const vfs::Attributes mine = TRY(inode().GetAttributes(ctx));
      if (!sink.Add(".", mine.ino, kDtDir, 1)) return {};
      position = 1;
      batch_.clear();
      whole_.reset();
      batch_at_ = -1;
      end_ = false;
    }
    if (position == 1) {
      vfs::Attributes up = TRY(inode().GetAttributes(ctx));
      if (const RefPtr<vfs::Dentry> parent = path().dentry->parent()) up = TRY(parent->inode_raw()->GetAttributes(ctx));
      if (!sink.Add("..", up.ino, kDtDir, kFirst)) return {};
      position = kFirst;
    }
    for (;;) {
      const int64_t at = static_cast<int64_t>(position);
      if (at == kEnd) return {};
      if (at != batch_at_ || next_in_batch_ == entries().size()) {
        if (at == batch_at_ && end_) return {};
        const bool more = TRY(Fill(ctx, at, position));
        if (!more) return {};
        if (entries().empty()) continue;
      }
      while (next_in_batch_ < entries().size()) {
        const gofer::ListedEntry& entry = entries()[next_in_batch_];
        const int64_t next = ToPosition(entry.next);
        if (!sink.Add(entry.name, entry.ino, static_cast<uint8_t>(entry.type), next)) return {};
        ++next_in_batch_;
        position = static_cast<uint64_t>(next);
        batch_at_ = next;
      }
    }
  }

  Result<void> Sync(Context&, bool) override { return inode().client().Fsync(inode().node()); }

 private:
  // A directory that is kept for those who ask again has at most so many entries.
  static constexpr size_t kKept = 20000;
  GoferInode& inode() const { return static_cast<GoferInode&>(path().inode()); }
  const std::vector<gofer::ListedEntry>& entries() const { return whole_ ? whole_->entries() : batch_; }

  // Makes the entries behind `at` the batch; moves `position` over a gap. False at the end.
  Result<bool> Fill(Context& ctx, int64_t at, uint64_t& position) {
    Prefetch* ahead = inode().fs().prefetch();
    const Prefetch::Moment now = ahead != nullptr ? ahead->Now(NowNs(ctx)) : Prefetch::Moment{};
    if (at == kFirst) began_ = now;
    const uint64_t id = inode().node().id().value;
    next_in_batch_ = 0;
    if (ahead != nullptr && at == kFirst) whole_ = ahead->List(id, now);
    if (whole_ && (at == kFirst || FindBehind(at))) {
      batch_at_ = at;
      end_ = true;
      return next_in_batch_ < entries().size();
    }
    whole_.reset();
    gofer::DirectoryBatch batch = TRY(inode().client().ReadDir(inode().node(), ToCookie(at)));
    const bool from_start = at == kFirst;
    const bool in_a_row = from_start || (at == batch_at_ && gathering_);
    if (from_start) gathered_.clear();
    // What was passed on goes to the whole that is gathered.
    if (!from_start && in_a_row) std::move(batch_.begin(), batch_.end(), std::back_inserter(gathered_));
    batch_ = std::move(batch.entries);
    batch_at_ = at;
    end_ = batch.end;
    gathering_ = ahead != nullptr && in_a_row && gathered_.size() + batch_.size() <= kKept;
    if (gathering_ && end_) {
      next_in_batch_ = gathered_.size();
      std::move(batch_.begin(), batch_.end(), std::back_inserter(gathered_));
      whole_ = MakeRef<Listing>(std::move(gathered_));
      ahead->KeepListing(id, whole_.ToRef(), began_);
    }
    if (!gathering_ || end_) {
      gathered_.clear();
      gathering_ = false;
    }
    if (next_in_batch_ < entries().size()) return true;
    const int64_t next = ToPosition(batch.next);
    if (batch.end || next == at) return false;  // no progress is an end, too
    position = static_cast<uint64_t>(next);
    return true;
  }
  // Goes to the entry behind the position in the whole directory.
  bool FindBehind(int64_t at) {
    for (size_t i = 0; i < entries().size(); ++i) {
      if (ToPosition(entries()[i].next) != at) continue;
      next_in_batch_ = i + 1;
      return true;
    }
    return false;
  }

  // ReadDirAt has one caller at a time.
  RefPtr<Listing> whole_;  // the whole directory, when it is known: then batch_ is not used
  std::vector<gofer::ListedEntry> batch_;
  std::vector<gofer::ListedEntry> gathered_;  // all before batch_
  bool gathering_ = false;
  Prefetch::Moment began_;  // before the first request for what is gathered
  size_t next_in_batch_ = 0;
  int64_t batch_at_ = -1;  // the position that the rest of the batch continues
  bool end_ = false;       // nothing follows the batch
};

}  // namespace

Ref<vfs::File> OpenDirectory(const vfs::Path& path, uint32_t flags) { return MakeRef<GoferDirectory>(path, flags); }

}  // namespace ringwall::goferfs
