// The tables behind special files: openers by type, character devices by number (Linux's chrdevs).
#include "sentry/vfs/special.h"

#include <vector>

#include "abi/device.h"
#include "absl/base/thread_annotations.h"
#include "base/sync/mutex.h"

namespace ringwall::vfs {

namespace {

struct CharRange {
  uint32_t major, first, count;
  NodeOpener opener;
};

struct Tables {
  Mutex<LockRank::kFile> mu;
  NodeOpener by_type[16] ABSL_GUARDED_BY(mu) = {};
  std::vector<CharRange> char_devices ABSL_GUARDED_BY(mu);
};

// Code, not state: filled once at boot with the openers this binary has.
Tables& GetTables() {
  static auto* tables = new Tables;
  return *tables;
}

}  // namespace

void RegisterNodeOpener(uint32_t type, NodeOpener opener) {
  Tables& tables = GetTables();
  MutexLock lock(tables.mu);
  tables.by_type[(type & abi::kS_IFMT) >> 12] = opener;
}

void RegisterCharDevice(uint32_t major, uint32_t first_minor, uint32_t count, NodeOpener opener) {
  Tables& tables = GetTables();
  MutexLock lock(tables.mu);
  // The latest registration wins.
  tables.char_devices.insert(tables.char_devices.begin(), {major, first_minor, count, opener});
}

Result<Ref<File>> OpenSpecial(Context& ctx, Inode& inode, const Path& path, const OpenRequest& request) {
  const Attributes attributes = TRY(inode.GetAttributes(ctx));
  NodeOpener opener = nullptr;
  {
    Tables& tables = GetTables();
    MutexLock lock(tables.mu);
    opener = tables.by_type[inode.type() >> 12];
    if (opener == nullptr && inode.type() == abi::kS_IFCHR) {
      const uint32_t major = abi::Major(attributes.rdev);
      const uint32_t minor = abi::Minor(attributes.rdev);
      for (const CharRange& range : tables.char_devices) {
        if (range.major == major && minor >= range.first && minor - range.first < range.count) {
          opener = range.opener;
          break;
        }
      }
    }
  }
  if (opener == nullptr) return Errno::kENXIO;
  return opener(ctx, inode, path, request);
}

}  // namespace ringwall::vfs
