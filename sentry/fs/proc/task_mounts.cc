// proc_pid_mounts(5), proc_pid_mountinfo(5), proc_pid_mountstats(5): the mounts that a task can reach, named from its root.
#include <utility>
#include <vector>

#include "abi/device.h"
#include "absl/strings/str_format.h"
#include "sentry/fs/proc/instance.h"

namespace ringwall::proc {
namespace {

struct Seen {
  Ref<vfs::Mount> mount;
  int32_t parent_id;
  std::string where;
  std::string propagation;
};

Result<std::vector<Seen>> MountsOf(const Subject& subject) {
  auto fs = subject.Fs();
  if (!fs.ok()) return fs.error() == Errno::kENOENT ? Errno::kEINVAL : fs.error();
  const Ref<vfs::MountNamespace>& ns = (*fs)->mount_ns();
  const vfs::Path root = (*fs)->root();
  std::vector<Seen> seen;
  for (const vfs::MountNamespace::Entry& entry : ns->List()) {
    std::string where = vfs::AbsoluteName(ns, root, vfs::Path{entry.mount, entry.mount->root()});
    // Outside of a chroot: not shown.
    if (where.starts_with("(unreachable)")) continue;
    std::string propagation;
    if (entry.peer_group != 0) absl::StrAppendFormat(&propagation, "shared:%d ", entry.peer_group);
    if (entry.master != 0) absl::StrAppendFormat(&propagation, "master:%d ", entry.master);
    if (entry.unbindable) propagation += "unbindable ";
    seen.push_back({entry.mount, entry.parent_id, std::move(where), std::move(propagation)});
  }
  return seen;
}

std::string MountFlagText(const vfs::Mount& mount) {
  const vfs::MountFlags flags = mount.flags();
  std::string out = flags.read_only ? "ro" : "rw";
  if (flags.no_suid) out += ",nosuid";
  if (flags.no_dev) out += ",nodev";
  if (flags.no_exec) out += ",noexec";
  if (flags.no_atime) out += ",noatime";
  if (flags.no_diratime) out += ",nodiratime";
  if (!flags.no_atime && !flags.strict_atime) out += ",relatime";
  if (flags.no_symfollow) out += ",nosymfollow";
  return out;
}

std::string SourceText(const vfs::Mount& mount) { return mount.source().empty() ? "none" : Escape(mount.source(), " \t\n\\#"); }

// The part of its file system that is mounted.
std::string RootWithinFs(const vfs::Mount& mount) {
  if (mount.fs().type_name() == "nsfs") return mount.root()->name();
  std::string name;
  RefPtr<vfs::Dentry> at = mount.root();
  for (RefPtr<vfs::Dentry> up = at->parent(); up; up = at->parent()) {
    name.insert(0, "/" + at->name());
    at = std::move(up);
  }
  if (mount.root()->IsUnlinked()) name += "//deleted";
  return name.empty() ? "/" : name;
}

}  // namespace

Result<std::string> MountsText(Context&, const Subject& subject) {
  const std::vector<Seen> mounts = TRY(MountsOf(subject));
  std::string out;
  for (const Seen& seen : mounts) {
    vfs::FileSystem& fs = seen.mount->fs();
    absl::StrAppendFormat(&out, "%s %s %s %s%s 0 0\n", SourceText(*seen.mount), Escape(seen.where), fs.type_name(),
                          MountFlagText(*seen.mount), fs.MountOptions());
  }
  return out;
}

Result<std::string> MountinfoText(Context&, const Subject& subject) {
  const std::vector<Seen> mounts = TRY(MountsOf(subject));
  std::string out;
  for (const Seen& seen : mounts) {
    vfs::FileSystem& fs = seen.mount->fs();
    absl::StrAppendFormat(&out, "%d %d %u:%u %s %s %s %s- %s %s %s%s\n", seen.mount->id(), seen.parent_id, abi::Major(fs.dev()),
                          abi::Minor(fs.dev()), Escape(RootWithinFs(*seen.mount)), Escape(seen.where), MountFlagText(*seen.mount),
                          seen.propagation, fs.type_name(), SourceText(*seen.mount), fs.read_only() ? "ro" : "rw", fs.MountOptions());
  }
  return out;
}

Result<std::string> MountstatsText(Context&, const Subject& subject) {
  const std::vector<Seen> mounts = TRY(MountsOf(subject));
  std::string out;
  for (const Seen& seen : mounts) {
    absl::StrAppendFormat(&out, "device %s mounted on %s with fstype %s\n", SourceText(*seen.mount), Escape(seen.where),
                          seen.mount->fs().type_name());
  }
  return out;
}

}  // namespace ringwall::proc
