// Kit directories: fixed names and made-up ones.
#include <algorithm>

#include "abi/dirent.h"
#include "sentry/fs/kit/kit.h"

namespace ringwall::kit {

namespace {

class DirectoryFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kDirectory;
  DirectoryFile(Directory& directory, const vfs::Path& path, uint32_t flags) : File(kKind, path, flags), directory_(directory) {}
  Result<size_t> Read(Context&, mm::IoSink&) override { return Errno::kEISDIR; }
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kEISDIR; }

  Result<void> ReadDir(Context& ctx, vfs::DirSink& sink) override {
    // Listing asks other rooms: the position's lock is not held meanwhile. Two readers of one description get what they get.
    auto at = static_cast<int64_t>(position());
    uint64_t parent_ino = directory_->ino();
    if (const RefPtr<vfs::Dentry> parent = path().dentry->parent()) {
      const vfs::Attributes attributes = TRY(parent->inode_raw()->GetAttributes(ctx));
      parent_ino = attributes.ino;
    }
    bool full = false;
    if (at == 0 && !(full = !sink.Add(".", directory_->ino(), abi::kDT_DIR, 1))) at = 1;
    if (at == 1 && !(full = !sink.Add("..", parent_ino, abi::kDT_DIR, 2))) at = 2;
    while (!full) {
      const std::vector<Directory::Listed> batch = directory_->List(ctx, at);
      if (batch.empty()) break;
      for (const Directory::Listed& entry : batch) {
        full = !sink.Add(entry.name, entry.ino, entry.type, entry.position + 1);
        if (full) break;
        at = entry.position + 1;
      }
    }
    SetPosition(static_cast<uint64_t>(at));
    return {};
  }

 private:
  const Ref<Directory> directory_;
};

}  // namespace

Directory::Directory(KitFs& fs, NodeOptions options) : Directory(fs, std::move(options), Dynamic{}) {}

Directory::Directory(KitFs& fs, NodeOptions options, Dynamic dynamic)
    : Node(fs, abi::kS_IFDIR, std::move(options)), dynamic_(std::move(dynamic)) {}

void Directory::Add(std::string name, Ref<Node> node) {
  RefPtr<Node> old;
  MutexLock lock(names_mu_);
  const auto it = by_name_.find(name);
  if (it != by_name_.end()) {
    old = std::exchange(fixed_[it->second].node, std::move(node));
    return;
  }
  const int64_t position = next_++;
  by_name_.emplace(name, position);
  fixed_.emplace(position, Fixed{std::move(name), std::move(node)});
}

void Directory::Remove(std::string_view name) {
  RefPtr<Node> old;
  MutexLock lock(names_mu_);
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) return;
  old = std::move(fixed_[it->second].node);
  fixed_.erase(it->second);
  by_name_.erase(it);
}

void Directory::AddPath(std::string_view path, Ref<Node> node) {
  Ref<Directory> at(*this);
  for (;;) {
    const size_t slash = path.find('/');
    if (slash == std::string_view::npos) break;
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash + 1);
    if (name.empty()) continue;
    RefPtr<Node> next = at->FindFixed(name);
    if (!next || !next->IsDirectory()) {
      next = Ref<Node>(MakeRef<Directory>(fs(), NodeOptions{.mode = 0555}));
      at->Add(std::string(name), next.ToRef());
    }
    at = Ref<Directory>(static_cast<Directory&>(*next));
  }
  at->Add(std::string(path), std::move(node));
}

RefPtr<Node> Directory::FindFixed(std::string_view name) const {
  MutexLock lock(names_mu_);
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) return nullptr;
  return fixed_.find(it->second)->second.node;
}

Result<Ref<vfs::Inode>> Directory::Lookup(Context& ctx, std::string_view name) {
  if (RefPtr<Node> node = FindFixed(name)) return Ref<vfs::Inode>(std::move(node).ToRef());
  if (!dynamic_.lookup) return Errno::kENOENT;
  return dynamic_.lookup(ctx, name);
}

std::vector<Ref<vfs::Inode>> Directory::LookupMany(Context&, absl::Span<const std::string_view>) { return {}; }

Result<Ref<vfs::File>> Directory::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  return Ref<vfs::File>(MakeRef<DirectoryFile>(*this, path, request.flags));
}

Result<Ref<vfs::Inode>> Directory::Create(Context& ctx, std::string_view name, uint32_t mode) {
  if (dynamic_.lookup) return Errno::kENOENT;
  return Node::Create(ctx, name, mode);
}

Result<Ref<vfs::Inode>> Directory::Mkdir(Context& ctx, std::string_view name, uint32_t mode) {
  if (dynamic_.lookup) return Errno::kENOENT;
  return Node::Mkdir(ctx, name, mode);
}

uint32_t Directory::Links() const {
  uint32_t links = 2;
  MutexLock lock(names_mu_);
  for (const auto& [position, entry] : fixed_) links += entry.node->IsDirectory() ? 1 : 0;
  return links;
}

std::vector<Directory::Listed> Directory::List(Context& ctx, int64_t from) const {
  std::vector<Listed> out;
  if (from < kFirstDynamic) {
    MutexLock lock(names_mu_);
    for (auto it = fixed_.lower_bound(from); it != fixed_.end(); ++it) {
      out.push_back({it->second.name, it->second.node->ino(), abi::DirentType(it->second.node->type()), it->first});
    }
  }
  if (!out.empty() || !dynamic_.list) return out;
  const int64_t skip = std::max<int64_t>(0, from - kFirstDynamic);
  out = dynamic_.list(ctx, skip);
  std::erase_if(out, [&](const Listed& entry) { return entry.position < skip; });
  for (Listed& entry : out) entry.position += kFirstDynamic;
  return out;
}

}  // namespace ringwall::kit
