// Changes of names: everything happens in the upper layer; whiteouts hide lower names, opaque directories hide lower contents.
#include "abi/fcntl.h"
#include "sentry/fs/overlay/inode.h"

namespace ringwall::overlay {

namespace {
constexpr std::string_view kOpaqueXattr = "trusted.overlay.opaque";
}  // namespace

Result<void> OverlayInode::PutWhiteout(Context& ctx, vfs::Inode& upper_dir, std::string_view name, vfs::Inode* replaced) {
  // Made aside and moved over the name, so that running out of space leaves everything as it was.
  const Ref<vfs::Inode> work = fs().work();
  const std::string aside = fs().UniqueName();
  CopyContext kernel(ctx);
  const Ref<vfs::Inode> whiteout = TRY(work->Mknod(kernel, aside, abi::kS_IFCHR, 0));
  const Result<void> moved = work->Rename(kernel, aside, *whiteout, upper_dir, name, replaced, 0);
  if (!moved.ok()) (void)work->Unlink(kernel, aside, *whiteout).ok();
  return moved;
}

Result<bool> OverlayInode::ClearWhiteout(Context& ctx, vfs::Inode& upper_dir, std::string_view name) {
  Result<Ref<vfs::Inode>> there = upper_dir.Lookup(ctx, name);
  if (!there.ok()) return false;
  if (!IsWhiteout(ctx, **there)) return Errno::kEEXIST;
  TRY(upper_dir.Unlink(ctx, name, **there));
  return true;
}

template <typename Make>
Result<Ref<OverlayInode>> OverlayInode::MakeChild(Context& ctx, std::string_view name, Make make) {
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  const bool hidden = TRY(ClearWhiteout(ctx, *up, name));
  Result<Ref<vfs::Inode>> made = make(*up);
  if (!made.ok()) {
    if (hidden) (void)PutWhiteout(ctx, *up, name, nullptr).ok();
    return made.error();
  }
  if ((*made)->IsDirectory() && lower_) {
    CopyContext kernel(ctx);
    TRY((*made)->SetXattr(kernel, kOpaqueXattr, "y", 0));
  }
  return fs().Wrap(ctx, *made, nullptr, RefPtr<OverlayInode>::Share(this), name);
}

Result<Ref<vfs::Inode>> OverlayInode::Create(Context& ctx, std::string_view name, uint32_t mode) {
  Ref<OverlayInode> made = TRY(MakeChild(ctx, name, [&](vfs::Inode& up) { return up.Create(ctx, name, mode); }));
  return Ref<vfs::Inode>(std::move(made));
}

Result<Ref<vfs::Inode>> OverlayInode::Mkdir(Context& ctx, std::string_view name, uint32_t mode) {
  Ref<OverlayInode> made = TRY(MakeChild(ctx, name, [&](vfs::Inode& up) { return up.Mkdir(ctx, name, mode); }));
  return Ref<vfs::Inode>(std::move(made));
}

Result<Ref<vfs::Inode>> OverlayInode::Mknod(Context& ctx, std::string_view name, uint32_t mode, uint64_t rdev) {
  const uint32_t type = mode & abi::kS_IFMT;
  // It would be a whiteout of ours.
  if (type == abi::kS_IFCHR && rdev == 0) return Errno::kEPERM;
  Ref<OverlayInode> made = TRY(MakeChild(ctx, name, [&](vfs::Inode& up) { return up.Mknod(ctx, name, mode, rdev); }));
  if (type == abi::kS_IFIFO || type == abi::kS_IFSOCK) fs().Pin(made);
  return Ref<vfs::Inode>(std::move(made));
}

Result<Ref<vfs::Inode>> OverlayInode::Symlink(Context& ctx, std::string_view name, std::string_view target) {
  Ref<OverlayInode> made = TRY(MakeChild(ctx, name, [&](vfs::Inode& up) { return up.Symlink(ctx, name, target); }));
  return Ref<vfs::Inode>(std::move(made));
}

Result<Ref<vfs::Inode>> OverlayInode::Tmpfile(Context& ctx, uint32_t mode) {
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  Ref<vfs::Inode> made = TRY(up->Tmpfile(ctx, mode));
  Ref<OverlayInode> inode = TRY(fs().Wrap(ctx, std::move(made), nullptr, RefPtr<OverlayInode>::Share(this), ""));
  return Ref<vfs::Inode>(std::move(inode));
}

Result<void> OverlayInode::Link(Context& ctx, std::string_view name, vfs::Inode& target) {
  auto& file = static_cast<OverlayInode&>(target);
  if (file.dead()) return Errno::kENOENT;
  const Ref<vfs::Inode> source = TRY(file.CopyUp(ctx));
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  const bool hidden = TRY(ClearWhiteout(ctx, *up, name));
  const Result<void> linked = up->Link(ctx, name, *source);
  if (!linked.ok()) {
    if (hidden) (void)PutWhiteout(ctx, *up, name, nullptr).ok();
    return linked;
  }
  if (file.origin()) fs().ChangeLinked(file.origin(), 0, +1, true);
  return {};
}

void OverlayInode::NameRemoved(Context& ctx) {
  if (IsDirectory()) {
    MarkDead();
    if (upper() != nullptr) fs().DropRedirect(upper());
    return;
  }
  if (const Origin from = origin()) {
    const Result<vfs::Attributes> below = lower_ ? lower_->GetAttributes(ctx) : Result<vfs::Attributes>(Errno::kENOENT);
    const bool several = below.ok() && below->nlink > 1;
    const bool known = fs().FindLinked(from).has_value();
    if (several || known) {
      const auto [left, gone] = fs().ChangeLinked(from, below.ok() ? below->nlink : 1, -1, known);
      if (left != 0) return;
      if (gone.has_value() && gone->upper) (void)fs().work()->Unlink(ctx, gone->work_name, *gone->upper).ok();
      if (upper() == nullptr) MarkDead();
      fs().Unpin(*this);
      return;
    }
  }
  if (upper() == nullptr) {
    MarkDead();
    return;
  }
  const Result<vfs::Attributes> left = upper()->GetAttributes(ctx);
  if (!left.ok() || left->nlink == 0) fs().Unpin(*this);
}

Result<void> OverlayInode::Unlink(Context& ctx, std::string_view name, vfs::Inode& victim) {
  auto& file = static_cast<OverlayInode&>(victim);
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  const bool below = TRY(LowerHas(ctx, name));
  RefPtr<vfs::Inode> above;  // outlives the lock
  MutexLockNested lock(fs().copy_up_mutex());
  above = TRY(UpperChild(ctx, name));
  if (below) {
    TRY(PutWhiteout(ctx, *up, name, above.get()));
  } else {
    if (!above) return Errno::kENOENT;
    TRY(up->Unlink(ctx, name, *above));
  }
  file.NameRemoved(ctx);
  return {};
}

Result<void> OverlayInode::CheckEmpty(Context& ctx) {
  const std::vector<Listed> entries = TRY(ListMerged(ctx));
  return entries.empty() ? Result<void>() : Errno::kENOTEMPTY;
}

Result<void> OverlayInode::ClearAllWhiteouts(Context& ctx, vfs::Inode& upper_dir) {
  const std::vector<Listed> entries = TRY(ListLayer(ctx, upper_dir));
  for (const Listed& entry : entries) {
    const Ref<vfs::Inode> child = TRY(upper_dir.Lookup(ctx, entry.name));
    if (!IsWhiteout(ctx, *child)) return Errno::kENOTEMPTY;
    TRY(upper_dir.Unlink(ctx, entry.name, *child));
  }
  return {};
}

Result<void> OverlayInode::Rmdir(Context& ctx, std::string_view name, vfs::Inode& victim) {
  auto& directory = static_cast<OverlayInode&>(victim);
  TRY(directory.CheckEmpty(ctx));
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  const bool below = TRY(LowerHas(ctx, name));
  RefPtr<vfs::Inode> above, whiteout;  // outlive the lock
  MutexLockNested lock(fs().copy_up_mutex());
  above = TRY(UpperChild(ctx, name));
  const Ref<vfs::Inode> work = fs().work();
  const std::string aside = fs().UniqueName();
  CopyContext kernel(ctx);
  if (below) whiteout = TRY(work->Mknod(kernel, aside, abi::kS_IFCHR, 0));
  const auto change = [&]() -> Result<void> {
    if (above) {
      TRY(ClearAllWhiteouts(ctx, *above));
      TRY(up->Rmdir(ctx, name, *above));
    }
    if (whiteout) return work->Rename(kernel, aside, *whiteout, *up, name, nullptr, 0);
    return {};
  };
  const Result<void> changed = change();
  if (!changed.ok()) {
    if (whiteout) (void)work->Unlink(kernel, aside, *whiteout).ok();
    return changed;
  }
  directory.NameRemoved(ctx);
  return {};
}

// Before a directory gets another name: what it shows must not depend on that name any more.
Result<void> OverlayInode::PrepareMovedDirectory(Context& ctx) {
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  if (lower_) {
    fs().SetRedirect(up.get(), lower_.ToRef());
    return {};
  }
  CopyContext kernel(ctx);
  return up->SetXattr(kernel, kOpaqueXattr, "y", 0);
}

Result<void> OverlayInode::Rename(Context& ctx, std::string_view name, vfs::Inode& moved, vfs::Inode& new_dir, std::string_view new_name,
                                  vfs::Inode* replaced, uint32_t flags) {
  if ((flags & abi::kRENAME_WHITEOUT) != 0) return Errno::kEINVAL;
  const bool exchange = (flags & abi::kRENAME_EXCHANGE) != 0;
  auto& file = static_cast<OverlayInode&>(moved);
  auto& to = static_cast<OverlayInode&>(new_dir);
  auto* other = static_cast<OverlayInode*>(replaced);
  if (other != nullptr && !exchange && other->IsDirectory()) TRY(other->CheckEmpty(ctx));

  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  const Ref<vfs::Inode> up_to = TRY(to.CopyUp(ctx));
  const Ref<vfs::Inode> up_file = TRY(file.CopyUp(ctx));
  if (file.IsDirectory()) TRY(file.PrepareMovedDirectory(ctx));
  RefPtr<vfs::Inode> up_other;
  if (exchange) {
    up_other = TRY(other->CopyUp(ctx));
    if (other->IsDirectory()) TRY(other->PrepareMovedDirectory(ctx));
  }
  const bool below = TRY(LowerHas(ctx, name));

  RefPtr<vfs::Inode> source, target;  // outlive the lock
  MutexLockNested lock(fs().copy_up_mutex());
  // A file with several lower names lives in the work directory: give it its upper names here first.
  source = TRY(UpperChild(ctx, name));
  if (!source) {
    TRY(up->Link(ctx, name, *up_file));
    source = up_file;
  }
  target = TRY(to.UpperChild(ctx, new_name));
  if (exchange) {
    if (!target) {
      TRY(up_to->Link(ctx, new_name, *up_other));
      target = up_other;
    }
    return up->Rename(ctx, name, *source, *up_to, new_name, target.get(), abi::kRENAME_EXCHANGE);
  }
  bool hidden = false;
  if (target && (IsWhiteout(ctx, *target) || target->IsDirectory())) {
    hidden = IsWhiteout(ctx, *target);
    if (hidden) {
      TRY(up_to->Unlink(ctx, new_name, *target));
    } else {
      TRY(ClearAllWhiteouts(ctx, *target));
      TRY(up_to->Rmdir(ctx, new_name, *target));
    }
    target.reset();
  }
  const Result<void> renamed = up->Rename(ctx, name, *source, *up_to, new_name, target.get(), below ? abi::kRENAME_WHITEOUT : 0);
  if (!renamed.ok()) {
    if (hidden) (void)PutWhiteout(ctx, *up_to, new_name, nullptr).ok();
    return renamed;
  }
  if (other != nullptr) other->NameRemoved(ctx);
  return {};
}

}  // namespace ringwall::overlay
