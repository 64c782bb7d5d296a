// devpts: ptmx makes a pair, N is its slave for as long as the master is open.
#include "sentry/fs/devpts/devpts.h"

#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "abi/device.h"
#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/sync/mutex.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/kit/kit.h"
#include "sentry/tty/tty.h"
#include "sentry/vfs/special.h"

namespace ringwall::devpts {

namespace {

constexpr uint64_t kDevptsMagic = 0x1cd1;

// /dev/pts/N.
class SlaveNode final : public kit::Node {
 public:
  SlaveNode(kit::KitFs& fs, kit::NodeOptions options, Ref<tty::Terminal> terminal)
      : Node(fs, abi::kS_IFCHR, std::move(options)), terminal_(std::move(terminal)) {}
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override {
    return tty::OpenSlave(ctx, terminal_, path, request.flags);
  }

 private:
  uint64_t Rdev() const override { return terminal_->device(); }
  const Ref<tty::Terminal> terminal_;
};

// The pairs of one mount.
class Instance final : public RefCounted {
 public:
  explicit Instance(Options options) : options_(options) {}

  Result<Ref<vfs::File>> OpenMaster(Context& ctx, kit::KitFs& fs, const vfs::Path& path, uint32_t flags);

  RefPtr<SlaveNode> Find(int32_t index) {
    MutexLock lock(mu_);
    auto it = slaves_.find(index);
    return it == slaves_.end() ? nullptr : it->second;
  }
  std::vector<std::pair<int32_t, uint64_t>> From(int64_t from) {
    std::vector<std::pair<int32_t, uint64_t>> out;
    MutexLock lock(mu_);
    for (const auto& [index, node] : slaves_) {
      if (index >= from && node) out.emplace_back(index, node->ino());
    }
    return out;
  }
  void FreeNumber(int32_t index) {
    RefPtr<SlaveNode> node;  // dies outside the lock
    MutexLock lock(mu_);
    auto it = slaves_.find(index);
    if (it == slaves_.end()) return;
    node = std::move(it->second);
    slaves_.erase(it);
  }

 private:
  const Options options_;
  Mutex<LockRank::kInode> mu_;
  // A null node: the number is taken, the pair not yet made.
  std::map<int32_t, RefPtr<SlaveNode>> slaves_ ABSL_GUARDED_BY(mu_);
};

// Gives the number back when the master is closed.
class Releaser final : public tty::MasterObserver {
 public:
  Releaser(Ref<Instance> instance, int32_t index) : instance_(std::move(instance)), index_(index) {}
  void OnMasterClosed() override { instance_->FreeNumber(index_); }

 private:
  const Ref<Instance> instance_;
  const int32_t index_;
};

Result<Ref<vfs::File>> Instance::OpenMaster(Context& ctx, kit::KitFs& fs, const vfs::Path& path, uint32_t flags) {
  int32_t index = 0;
  {
    MutexLock lock(mu_);
    // The lowest free number.
    while (slaves_.contains(index)) ++index;
    if (index >= static_cast<int32_t>(options_.max)) return Errno::kENOSPC;
    slaves_.emplace(index, nullptr);
  }
  const Ref<tty::Terminal> terminal = MakeRef<tty::Terminal>(index);
  terminal->SetLocked(true);
  terminal->SetObserver(MakeRef<Releaser>(Ref<Instance>(*this), index));
  kit::NodeOptions options{.mode = options_.mode};
  const kit::Owner owner{options_.uid != ~0u ? options_.uid : ctx.creds().fsuid, options_.gid != ~0u ? options_.gid : ctx.creds().fsgid};
  options.owner = [owner](Context&) { return owner; };
  // Once the pair is gone the name is looked up again.
  options.still_valid = [terminal](Context&) { return !terminal->hung_up(); };
  Ref<SlaveNode> node = MakeRef<SlaveNode>(fs, std::move(options), terminal);
  {
    MutexLock lock(mu_);
    slaves_[index] = std::move(node);
  }
  return Ref<vfs::File>(MakeRef<tty::TtyFile>(terminal, tty::TtyFile::End::kMaster, path, flags | abi::kO_NOCTTY));
}

bool ParseNumber(std::string_view text, int base, uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// The file system whose ptmx a device node 5:2 opens. Set at boot.
struct DefaultInstance {
  Mutex<LockRank::kFile> mu;
  RefPtr<vfs::FileSystem> fs ABSL_GUARDED_BY(mu);
};
DefaultInstance& Default() {
  static auto* instance = new DefaultInstance;
  return *instance;
}

Result<Ref<vfs::File>> OpenPtmxNode(Context& ctx, vfs::Inode&, const vfs::Path& path, const vfs::OpenRequest& request) {
  RefPtr<vfs::FileSystem> fs;
  {
    DefaultInstance& instance = Default();
    MutexLock lock(instance.mu);
    fs = instance.fs;
  }
  if (!fs) return Errno::kENODEV;
  const Ref<vfs::Inode> root = fs->root();
  const Ref<vfs::Inode> ptmx = TRY(root->Lookup(ctx, "ptmx"));
  return ptmx->Open(ctx, path, request);
}

}  // namespace

Result<Options> ParseOptions(std::string_view text) {
  Options options;
  for (const absl::string_view part : absl::StrSplit(absl::string_view(text.data(), text.size()), ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> kv = absl::StrSplit(part, absl::MaxSplits('=', 1));
    const std::string_view key(kv.first.data(), kv.first.size());
    const std::string_view value(kv.second.data(), kv.second.size());
    bool ok;
    if (key == "newinstance") {
      ok = value.empty();
    } else if (key == "uid") {
      ok = ParseNumber(value, 10, options.uid);
    } else if (key == "gid") {
      ok = ParseNumber(value, 10, options.gid);
    } else if (key == "mode") {
      ok = ParseNumber(value, 8, options.mode) && options.mode <= 0777;
    } else if (key == "ptmxmode") {
      ok = ParseNumber(value, 8, options.ptmx_mode) && options.ptmx_mode <= 0777;
    } else if (key == "max") {
      ok = ParseNumber(value, 10, options.max) && options.max <= (1u << 20);
    } else {
      ok = false;
    }
    if (!ok) return Errno::kEINVAL;
  }
  return options;
}

Ref<vfs::FileSystem> Create(Context& ctx, const Options& options) {
  Ref<kit::KitFs> fs = kit::KitFs::Create("devpts", kDevptsMagic, ctx.Now());
  std::string shown;
  if (options.gid != ~0u) absl::StrAppendFormat(&shown, ",gid=%d", options.gid);
  absl::StrAppendFormat(&shown, ",mode=%03o,ptmxmode=%03o", options.mode, options.ptmx_mode);
  fs->SetMountOptions(std::move(shown));
  const Ref<Instance> instance = MakeRef<Instance>(options);
  kit::Directory::Dynamic dynamic;
  dynamic.lookup = [instance](Context&, std::string_view name) -> Result<Ref<vfs::Inode>> {
    uint32_t index;
    if (!ParseNumber(name, 10, index) || (name.size() > 1 && name[0] == '0') || index > INT32_MAX) return Errno::kENOENT;
    RefPtr<SlaveNode> node = instance->Find(static_cast<int32_t>(index));
    if (!node) return Errno::kENOENT;
    return Ref<vfs::Inode>(std::move(node).ToRef());
  };
  dynamic.list = [instance](Context&, int64_t from) {
    std::vector<kit::Directory::Listed> out;
    for (const auto& [index, ino] : instance->From(from)) {
      out.push_back({.name = absl::StrCat(index), .ino = ino, .type = abi::kDT_CHR, .position = index});
    }
    return out;
  };
  const Ref<kit::Directory> root = MakeRef<kit::Directory>(*fs, kit::NodeOptions{.mode = 0755}, std::move(dynamic));
  class PtmxNode final : public kit::Node {
   public:
    PtmxNode(kit::KitFs& fs, kit::NodeOptions node, Ref<Instance> pairs)
        : Node(fs, abi::kS_IFCHR, std::move(node)), pairs_(std::move(pairs)) {}
    Result<Ref<vfs::File>> Open(Context& caller, const vfs::Path& path, const vfs::OpenRequest& request) override {
      return pairs_->OpenMaster(caller, fs(), path, request.flags);
    }

   private:
    uint64_t Rdev() const override { return abi::MakeDev(abi::kTTYAUX_MAJOR, abi::kTTYAUX_MINOR_PTMX); }
    const Ref<Instance> pairs_;
  };
  root->Add("ptmx", MakeRef<PtmxNode>(*fs, kit::NodeOptions{.mode = options.ptmx_mode}, instance));
  fs->SetRoot(root);
  return fs;
}

Result<Ref<vfs::File>> OpenPeer(Context& ctx, vfs::File& file, uint32_t flags) {
  auto* master = file.As<tty::TtyFile>();
  if (master == nullptr || !master->is_master()) return Errno::kENOTTY;
  constexpr uint32_t kAllowed = abi::kO_ACCMODE | abi::kO_NOCTTY | abi::kO_NONBLOCK | abi::kO_CLOEXEC;
  if ((flags & ~kAllowed) != 0) return Errno::kEINVAL;
  const RefPtr<vfs::Dentry> directory = master->path() ? master->path().dentry->parent() : nullptr;
  if (!directory || directory->IsNegative()) return Errno::kEIO;
  const std::string name = absl::StrCat(master->terminal().index());
  Ref<vfs::Inode> node = TRY(directory->inode()->Lookup(ctx, name));
  const vfs::Path path{master->path().mount, directory->AddChild(name, node)};
  return node->Open(ctx, path, {.flags = flags});
}

void SetDefaultInstance(Ref<vfs::FileSystem> instance) {
  RefPtr<vfs::FileSystem> next = std::move(instance);
  {
    DefaultInstance& now = Default();
    MutexLock lock(now.mu);
    std::swap(now.fs, next);
  }
  vfs::RegisterCharDevice(abi::kTTYAUX_MAJOR, abi::kTTYAUX_MINOR_PTMX, 1, &OpenPtmxNode);
}

}  // namespace ringwall::devpts
