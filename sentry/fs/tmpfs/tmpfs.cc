// tmpfs as a whole: options, limits, statfs(2).
#include "sentry/fs/tmpfs/tmpfs.h"

#include <charconv>
#include <utility>

#include "abi/statfs.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/tmpfs/inode.h"

namespace ringwall::tmpfs {

namespace {

constexpr uint64_t kTmpfsMagic = 0x01021994;

std::optional<uint64_t> ParseNumber(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// 10, 10k, 10m, 10g (memparse).
std::optional<uint64_t> ParseSize(std::string_view text) {
  int shift = 0;
  if (!text.empty()) {
    switch (text.back() | 0x20) {
      case 'k': shift = 10; break;
      case 'm': shift = 20; break;
      case 'g': shift = 30; break;
      case 't': shift = 40; break;
      default: break;
    }
    if (shift != 0) text.remove_suffix(1);
  }
  const std::optional<uint64_t> value = ParseNumber(text, 10);
  if (!value.has_value() || *value > (~uint64_t{0} >> shift)) return std::nullopt;
  return *value << shift;
}

uint64_t PagesOf(uint64_t bytes) { return bytes == ~uint64_t{0} ? ~uint64_t{0} : bytes / kPageSize + (bytes % kPageSize != 0 ? 1 : 0); }

}  // namespace

Result<Options> ParseOptions(std::string_view text, const Options& defaults) {
  Options options = defaults;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    const std::string_view key = item.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
    if (key == "size" && !value.empty() && value.back() == '%') {
      const std::optional<uint64_t> percent = ParseNumber(value.substr(0, value.size() - 1), 10);
      if (!percent.has_value() || *percent > 100) return Errno::kEINVAL;
      options.size_bytes = defaults.size_bytes / 50 * *percent;
    } else if (key == "size") {
      const std::optional<uint64_t> size = ParseSize(value);
      if (!size.has_value()) return Errno::kEINVAL;
      options.size_bytes = *size == 0 ? ~uint64_t{0} : *size;  // 0 = no limit
    } else if (key == "nr_blocks") {
      const std::optional<uint64_t> blocks = ParseSize(value);
      if (!blocks.has_value() || *blocks > ~uint64_t{0} / kPageSize) return Errno::kEINVAL;
      options.size_bytes = *blocks == 0 ? ~uint64_t{0} : *blocks * kPageSize;
    } else if (key == "nr_inodes") {
      const std::optional<uint64_t> inodes = ParseSize(value);
      if (!inodes.has_value()) return Errno::kEINVAL;
      options.max_inodes = *inodes == 0 ? ~uint64_t{0} : *inodes;
    } else if (key == "mode") {
      const std::optional<uint64_t> mode = ParseNumber(value, 8);
      if (!mode.has_value() || *mode > 07777) return Errno::kEINVAL;
      options.mode = static_cast<uint32_t>(*mode);
    } else if (key == "uid" || key == "gid") {
      const std::optional<uint64_t> id = ParseNumber(value, 10);
      if (!id.has_value() || *id >= ~uint32_t{0}) return Errno::kEINVAL;
      (key == "uid" ? options.uid : options.gid) = static_cast<uint32_t>(*id);
    } else if (key == "huge" || key == "mpol" || key == "inode32" || key == "inode64" || key == "noswap") {
      // About pages and numbers that no guest can see.
    } else {
      return Errno::kEINVAL;
    }
  }
  return options;
}

TmpFs::TmpFs(Options options) : options_(std::move(options)), space_(PagesOf(options_.size_bytes)), max_inodes_(options_.max_inodes) {}

Ref<TmpFs> TmpFs::Create(Context& ctx, const Options& options) {
  Ref<TmpFs> fs(new TmpFs(options), Ref<TmpFs>::AdoptTag{});
  fs->inodes_.fetch_add(1, std::memory_order_relaxed);
  const vfs::NewFileOwner owner{options.uid, options.gid, (options.mode & 07777) | abi::kS_IFDIR};
  fs->root_ = Ref<vfs::Inode>(MakeRef<DirectoryInode>(*fs, owner, ctx.Now()));
  return fs;
}

void TmpFs::OnLastUnmount() { root_.reset(); }

bool TmpFs::ChargeInode() {
  if (inodes_.fetch_add(1, std::memory_order_relaxed) < max_inodes_.load(std::memory_order_relaxed)) return true;
  inodes_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

std::string TmpFs::MountOptions() const {
  std::string out;
  // The defaults are not worth a word, as in Linux.
  const uint64_t pages = space_.limit(), inodes = max_inodes_.load(std::memory_order_relaxed);
  if (pages != ~uint64_t{0} && pages != PagesOf(Options{}.size_bytes)) absl::StrAppend(&out, ",size=", pages * (kPageSize / 1024), "k");
  if (inodes != ~uint64_t{0} && inodes != Options{}.max_inodes) absl::StrAppend(&out, ",nr_inodes=", inodes);
  if (options_.mode != 01777) absl::StrAppendFormat(&out, ",mode=%o", options_.mode);
  if (options_.uid != 0) absl::StrAppend(&out, ",uid=", options_.uid);
  if (options_.gid != 0) absl::StrAppend(&out, ",gid=", options_.gid);
  return out;
}

Result<void> TmpFs::Reconfigure(Context&, std::string_view text) {
  // What is not named stays: told apart by values that nobody can ask for.
  constexpr uint64_t kNotGiven = ~uint64_t{0} - 1;
  const bool sized = absl::StrContains(absl::string_view(text.data(), text.size()), "size=") ||
                     absl::StrContains(absl::string_view(text.data(), text.size()), "nr_blocks=");
  Options defaults;
  defaults.max_inodes = kNotGiven;
  const Options wanted = TRY(ParseOptions(text, defaults));
  if (sized) {
    const uint64_t pages = PagesOf(wanted.size_bytes);
    if (pages < space_.used() || (space_.limit() == ~uint64_t{0} && pages != ~uint64_t{0})) return Errno::kEINVAL;
  }
  if (wanted.max_inodes != kNotGiven) {
    const uint64_t old = max_inodes_.load(std::memory_order_relaxed);
    if (wanted.max_inodes < inodes_.load(std::memory_order_relaxed) || (old == ~uint64_t{0} && wanted.max_inodes != old))
      return Errno::kEINVAL;
    max_inodes_.store(wanted.max_inodes, std::memory_order_relaxed);
  }
  if (sized) space_.SetLimit(PagesOf(wanted.size_bytes));
  return {};
}

Result<Ref<vfs::Inode>> TmpFs::MakeUnnamedFile(Context& ctx, uint32_t mode) {
  if (!ChargeInode()) return Errno::kENOSPC;
  const cred::Credentials& creds = ctx.creds();
  const vfs::NewFileOwner owner{creds.fsuid, creds.fsgid, (mode & 07777) | abi::kS_IFREG};
  Ref<RegularInode> inode = MakeRef<RegularInode>(*this, owner, ctx.Now());
  inode->MarkUnnamed();
  return Ref<vfs::Inode>(std::move(inode));
}

vfs::FileSystemStats TmpFs::Stats() const {
  vfs::FileSystemStats stats;
  stats.type = kTmpfsMagic;
  stats.id = dev();
  if (space_.limit() != ~uint64_t{0}) {
    stats.blocks = space_.limit();
    stats.blocks_free = stats.blocks_available = space_.limit() - std::min(space_.limit(), space_.used());
  }
  if (const uint64_t inodes = max_inodes_.load(std::memory_order_relaxed); inodes != ~uint64_t{0}) {
    stats.files = inodes;
    stats.files_free = inodes - std::min(inodes, inodes_.load(std::memory_order_relaxed));
  }
  return stats;
}

}  // namespace ringwall::tmpfs
