// Sets of namespaces: the initial ones, copies, new ones (clone(2), unshare(2)).
#include "sentry/ns/namespaces.h"

#include <utility>

#include "abi/clone.h"

namespace ringwall::ns {
namespace {

using cred::UserNamespace;

// Kinds without anything of their own here: ipc and net carry the state of their rooms.
class PlainNamespace final : public cred::Namespace {
 public:
  PlainNamespace(uint64_t kind, RefPtr<UserNamespace> owner, uint64_t ino) : Namespace(kind, std::move(owner), ino), charged_(ino == 0) {}

 private:
  ~PlainNamespace() override {
    if (charged_) owner()->Refund(UserNamespace::CountedKind(kind()));
  }
  const bool charged_;
};

Ref<cred::Namespace> Initial(uint64_t kind, uint64_t ino) {
  return MakeRef<PlainNamespace>(kind, RefPtr<UserNamespace>(UserNamespace::Initial()), ino);
}

Result<Ref<cred::Namespace>> NewPlain(uint64_t kind, const Ref<UserNamespace>& owner) {
  TRY(owner->Charge(UserNamespace::CountedKind(kind)));
  return Ref<cred::Namespace>(MakeRef<PlainNamespace>(kind, RefPtr<UserNamespace>(owner), 0));
}

}  // namespace

Namespaces::Namespaces(UtsName names)
    : uts(MakeRef<UtsNamespace>(UserNamespace::Initial(), std::move(names), cred::kInitialUtsIno)),
      ipc(Initial(abi::kCLONE_NEWIPC, cred::kInitialIpcIno)),
      net(Initial(abi::kCLONE_NEWNET, cred::kInitialNetIno)),
      cgroup(Initial(abi::kCLONE_NEWCGROUP, cred::kInitialCgroupIno)),
      time(Initial(abi::kCLONE_NEWTIME, cred::kInitialTimeIno)),
      time_for_children(time),
      pid_for_children(PidNamespace::Initial()) {}

Namespaces::Namespaces(const Namespaces& other)
    : RefCounted(),
      uts(other.uts),
      ipc(other.ipc),
      net(other.net),
      cgroup(other.cgroup),
      time(other.time),
      time_for_children(other.time_for_children),
      pid_for_children(other.pid_for_children) {}

Ref<Namespaces> Namespaces::Clone() const { return Ref<Namespaces>(new Namespaces(*this), Ref<Namespaces>::AdoptTag{}); }

Result<void> Namespaces::MakeNew(uint64_t clone_flags, const Ref<UserNamespace>& owner) {
  if ((clone_flags & abi::kCLONE_NEWUTS) != 0) {
    TRY(owner->Charge(UserNamespace::Counted::kUts));
    uts = MakeRef<UtsNamespace>(owner, uts->names());
  }
  if ((clone_flags & abi::kCLONE_NEWIPC) != 0) ipc = TRY(NewPlain(abi::kCLONE_NEWIPC, owner));
  if ((clone_flags & abi::kCLONE_NEWNET) != 0) net = TRY(NewPlain(abi::kCLONE_NEWNET, owner));
  if ((clone_flags & abi::kCLONE_NEWCGROUP) != 0) cgroup = TRY(NewPlain(abi::kCLONE_NEWCGROUP, owner));
  if ((clone_flags & abi::kCLONE_NEWTIME) != 0) time_for_children = TRY(NewPlain(abi::kCLONE_NEWTIME, owner));
  if ((clone_flags & abi::kCLONE_NEWPID) != 0) pid_for_children = TRY(PidNamespace::Create(pid_for_children, owner));
  return {};
}

// ---- PidNamespace: its tables are PidTable's business (sentry/task/pid_table.cc) ----

PidNamespace::PidNamespace(RefPtr<PidNamespace> parent, RefPtr<UserNamespace> owner, uint64_t ino)
    : Namespace(abi::kCLONE_NEWPID, std::move(owner), ino), parent_(std::move(parent)), level_(parent_ ? parent_->level_ + 1 : 0) {}

PidNamespace::~PidNamespace() {
  if (level_ > 0) owner()->Refund(UserNamespace::Counted::kPid);
}

Ref<PidNamespace> PidNamespace::Initial() {
  return Ref<PidNamespace>(new PidNamespace(nullptr, RefPtr<UserNamespace>(UserNamespace::Initial()), cred::kInitialPidIno),
                           Ref<PidNamespace>::AdoptTag{});
}

Result<Ref<PidNamespace>> PidNamespace::Create(Ref<PidNamespace> parent, Ref<UserNamespace> owner) {
  if (parent->level_ >= static_cast<int>(abi::kMAX_PID_NS_LEVEL)) return Errno::kENOSPC;
  TRY(owner->Charge(UserNamespace::Counted::kPid));
  return Ref<PidNamespace>(new PidNamespace(RefPtr<PidNamespace>(std::move(parent)), RefPtr<UserNamespace>(std::move(owner)), 0),
                           Ref<PidNamespace>::AdoptTag{});
}

bool PidNamespace::Contains(const PidNamespace& other) const {
  for (const PidNamespace* ns = &other; ns != nullptr; ns = ns->parent()) {
    if (ns == this) return true;
  }
  return false;
}

}  // namespace ringwall::ns
