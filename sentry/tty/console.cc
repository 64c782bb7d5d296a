// The pump between a terminal's master side and the host.
#include "sentry/tty/console.h"

#include <array>
#include <atomic>
#include <utility>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "sentry/vfs/inode.h"
#include "sentry/vfs/operations.h"

namespace ringwall::tty {

namespace {

// Never mounted: gives the inode below a device number.
class ConsoleFs final : public vfs::FileSystem {
 public:
  std::string_view type_name() const override { return "devtmpfs"; }
  Ref<vfs::Inode> root() override;
};

ConsoleFs& Fs() {
  static auto* fs = MakeRef<ConsoleFs>().Leak();
  return *fs;
}
std::atomic<uint64_t> g_next_ino{1};

// The slave's inode when it is opened without devpts: a character device 5:1 that opens this terminal again.
class ConsoleInode final : public vfs::Inode {
 public:
  ConsoleInode(Context& ctx, Ref<Terminal> terminal)
      : Inode(Fs(), abi::kS_IFCHR),
        ino_(g_next_ino.fetch_add(1, std::memory_order_relaxed)),
        terminal_(std::move(terminal)),
        time_(ctx.Now()) {}
  Result<vfs::Attributes> GetAttributes(Context&) override {
    vfs::Attributes out;
    out.dev = file_system().dev();
    out.ino = ino_;
    out.mode = abi::kS_IFCHR | mode_.load(std::memory_order_relaxed);
    out.uid = uid_.load(std::memory_order_relaxed);
    out.gid = gid_.load(std::memory_order_relaxed);
    out.rdev = terminal_->device();
    out.block_size = 1024;
    out.atime = out.mtime = out.ctime = time_;
    return out;
  }
  Result<void> SetAttributes(Context&, const vfs::AttributeChange& change) override {
    using Mask = vfs::AttributeChange::Mask;
    if ((change.mask & Mask::kSize) != 0) return Errno::kEINVAL;
    if ((change.mask & Mask::kMode) != 0) mode_.store(change.mode & abi::kS_IALLUGO, std::memory_order_relaxed);
    if ((change.mask & Mask::kUid) != 0) uid_.store(change.uid, std::memory_order_relaxed);
    if ((change.mask & Mask::kGid) != 0) gid_.store(change.gid, std::memory_order_relaxed);
    return {};
  }
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override {
    return OpenSlave(ctx, terminal_, path, request.flags);
  }

 private:
  const uint64_t ino_;
  const Ref<Terminal> terminal_;
  const abi::Timespec time_;
  std::atomic<uint32_t> mode_{0620}, uid_{0}, gid_{5};
};

// Nobody walks here.
class RootInode final : public vfs::Inode {
 public:
  RootInode() : Inode(Fs(), abi::kS_IFDIR) {}
  Result<vfs::Attributes> GetAttributes(Context&) override {
    vfs::Attributes out;
    out.mode = abi::kS_IFDIR | 0755;
    return out;
  }
  Result<void> SetAttributes(Context&, const vfs::AttributeChange&) override { return Errno::kEPERM; }
  Result<Ref<vfs::File>> Open(Context&, const vfs::Path&, const vfs::OpenRequest&) override { return Errno::kENXIO; }
};
Ref<vfs::Inode> ConsoleFs::root() { return MakeRef<RootInode>(); }

}  // namespace

// Any thread may set it going; one at a time runs, the others only ask for another round.
class Console::Pump final : public MasterObserver {
 public:
  Pump(Ref<Terminal> terminal, Ref<ConsoleLink> link) : terminal_(std::move(terminal)), link_(std::move(link)) {}
  void OnMasterReady() override { Run(); }

  void Run() {
    // A request that comes while the pump runs, even from the pump itself (echo), makes it go round again.
    if (requests_.fetch_add(1, std::memory_order_acq_rel) != 0) return;
    uint32_t seen = 1;
    while (true) {
      Round();
      uint32_t expected = seen;
      if (requests_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel)) return;
      seen = expected;
    }
  }

  void Close() { closed_.store(true, std::memory_order_release); }

 private:
  ~Pump() override = default;

  void Round() {
    if (closed_.load(std::memory_order_acquire)) return;
    bool want_read = true, want_write = false;
    // Out.
    while (true) {
      if (out_size_ == 0) {
        const Result<size_t> got = terminal_->MasterRead({out_.data(), out_.size()});
        if (!got.ok()) break;  // nothing; or all slaves closed for now: another may open it
        out_begin_ = 0;
        out_size_ = *got;
      }
      const Result<size_t> wrote = link_->Write({out_.data() + out_begin_, out_size_});
      if (!wrote.ok() && wrote.error() == Errno::kEAGAIN) {
        want_write = true;
        break;
      }
      if (!wrote.ok()) {
        // The user's terminal is gone.
        out_size_ = 0;
        HostGone();
        return;
      }
      out_begin_ += *wrote;
      out_size_ -= *wrote;
    }
    // In.
    while (true) {
      if (in_size_ == 0) {
        const Result<size_t> got = link_->Read({in_.data(), in_.size()});
        if (!got.ok() && got.error() == Errno::kEAGAIN) break;
        if (!got.ok() || *got == 0) {
          HostGone();
          return;
        }
        in_begin_ = 0;
        in_size_ = *got;
      }
      const Result<size_t> took = terminal_->MasterWrite({in_.data() + in_begin_, in_size_});
      if (!took.ok()) {
        // The program does not read: go on when it does (OnMasterReady).
        want_read = false;
        break;
      }
      in_begin_ += *took;
      in_size_ -= *took;
    }
    link_->WaitFor(want_read, want_write);
  }

  void HostGone() {
    if (closed_.exchange(true, std::memory_order_acq_rel)) return;
    terminal_->HangUp();
  }

  const Ref<Terminal> terminal_;
  const Ref<ConsoleLink> link_;
  std::atomic<bool> closed_{false};
  std::atomic<uint32_t> requests_{0};
  // Only the running pump touches these.
  std::array<std::byte, 4096> out_, in_;
  size_t out_begin_ = 0, out_size_ = 0, in_begin_ = 0, in_size_ = 0;
};

Console::Console(Ref<Terminal> terminal, Ref<ConsoleLink> link)
    : terminal_(terminal), pump_(MakeRef<Pump>(std::move(terminal), link)), link_(std::move(link)) {}

Ref<Console> Console::Create(Ref<ConsoleLink> link) {
  const Ref<Terminal> terminal = MakeRef<Terminal>(-1);
  Ref<Console> console = MakeRef<Console>(terminal, link);
  terminal->SetObserver(console->pump_);
  link->SetObserver(console->pump_);
  console->pump_->Run();
  return console;
}

Console::~Console() { Close(); }

Ref<vfs::File> Console::OpenFile(Context& ctx, uint32_t flags) {
  vfs::Path path = vfs::AnonymousPath(MakeRef<ConsoleInode>(ctx, terminal_), "/dev/console");
  return MakeRef<TtyFile>(terminal_, TtyFile::End::kSlave, std::move(path), flags);
}

Ref<vfs::File> Console::OpenAt(const vfs::Path& path, uint32_t flags) {
  return MakeRef<TtyFile>(terminal_, TtyFile::End::kSlave, path, flags);
}

void Console::Resize(const abi::Winsize& size) { terminal_->SetWindowSize(size); }

void Console::Close() {
  // Bytes that are still on their way go out first.
  pump_->Run();
  pump_->Close();
  link_->SetObserver(nullptr);
  terminal_->SetObserver(nullptr);
  terminal_->HangUp();
}

}  // namespace ringwall::tty
