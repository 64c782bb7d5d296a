// Terminals: moving bytes between the two sides, waking them, and signalling who sits in front.
#include "sentry/tty/tty.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "abi/device.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "absl/strings/str_cat.h"
#include "sentry/cred/credentials.h"
#include "sentry/tty/job_control.h"
#include "sentry/vfs/special.h"

namespace ringwall::tty {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
constexpr size_t kStep = 4096;

// Set once at boot.
std::atomic<JobControl*> g_job_control{nullptr};

std::string_view AsText(absl::Span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
absl::Span<const std::byte> AsBytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }

}  // namespace

void SetJobControl(JobControl* job_control) { g_job_control.store(job_control, std::memory_order_release); }
JobControl* GetJobControl() { return g_job_control.load(std::memory_order_acquire); }

Terminal::Terminal(int32_t index) : index_(index) {}

uint64_t Terminal::device() const {
  if (index_ < 0) return abi::MakeDev(abi::kTTYAUX_MAJOR, abi::kTTYAUX_MINOR_CONSOLE);
  return abi::MakeDev(abi::kUNIX98_PTY_SLAVE_MAJOR, static_cast<uint32_t>(index_));
}

void Terminal::Tell(const Effects& effects, int32_t group) {
  wait::EventMask slave = 0, master = 0;
  if (effects.input_ready) slave |= kIn;
  if (effects.output_space) slave |= kOut;
  if (effects.output_ready) master |= kIn;
  if (effects.input_space) master |= kOut;
  if (effects.packet != 0) master |= kIn | abi::kPOLLPRI;
  if (slave != 0) slave_queue_.Notify(slave);
  if (master != 0) {
    master_queue_.Notify(master);
    RefPtr<MasterObserver> observer;
    {
      MutexLock lock(mu_);
      observer = observer_;
    }
    if (observer) observer->OnMasterReady();
  }
  JobControl* jobs = GetJobControl();
  if (jobs == nullptr || group <= 0) return;
  for (const int32_t signo : effects.signals) jobs->SignalGroup(group, signo);
}

template <typename Step>
auto Terminal::WithLine(Step step) {
  Effects effects;
  int32_t group;
  auto run = [&] {
    MutexLock lock(mu_);
    auto result = step(line_, effects);
    group = foreground_;
    if (packet_mode_) {
      packet_ |= effects.packet;
    } else {
      effects.packet = 0;
    }
    return result;
  };
  auto result = run();
  Tell(effects, group);
  return result;
}

// ---- master side ----

Result<size_t> Terminal::MasterWrite(absl::Span<const std::byte> bytes) {
  if (bytes.empty()) return size_t{0};
  const size_t n = WithLine([&](LineDiscipline& line, Effects& effects) { return line.Input(AsText(bytes), effects); });
  if (n == 0) return Errno::kEAGAIN;
  return n;
}

Result<size_t> Terminal::MasterRead(absl::Span<std::byte> to) {
  if (to.empty()) return size_t{0};
  struct Got {
    std::string bytes;
    bool closed = false;
  };
  const Got got = WithLine([&](LineDiscipline& line, Effects& effects) {
    mu_.AssertHeld();
    Got out;
    if (packet_mode_ && packet_ != 0) {
      out.bytes.push_back(static_cast<char>(packet_));
      packet_ = 0;
      return out;
    }
    out.bytes = line.stopped() ? "" : line.TakeOutput(to.size() - (packet_mode_ ? 1 : 0), effects);
    if (packet_mode_ && !out.bytes.empty()) out.bytes.insert(out.bytes.begin(), static_cast<char>(abi::kTIOCPKT_DATA));
    out.closed = slave_was_open_ && slaves_ == 0;
    return out;
  });
  if (got.bytes.empty()) return got.closed ? Errno::kEIO : Errno::kEAGAIN;
  std::copy(got.bytes.begin(), got.bytes.end(), reinterpret_cast<char*>(to.data()));
  return got.bytes.size();
}

wait::EventMask Terminal::MasterReadiness(wait::EventMask mask) {
  MutexLock lock(mu_);
  wait::EventMask ready = 0;
  if (line_.OutputPending() != 0 && !line_.stopped()) ready |= kIn;
  if (packet_mode_ && packet_ != 0) ready |= kIn | abi::kPOLLPRI;
  if (line_.InputSpace() != 0) ready |= kOut;
  if (slave_was_open_ && slaves_ == 0) ready |= abi::kPOLLHUP;
  return ready & (mask | abi::kPOLLHUP | abi::kPOLLERR);
}

void Terminal::SetObserver(RefPtr<MasterObserver> observer) {
  MutexLock lock(mu_);
  std::swap(observer_, observer);  // the old one dies with the argument, after the lock
}

void Terminal::SetWindowSize(const abi::Winsize& size) {
  int32_t group;
  {
    MutexLock lock(mu_);
    if (window_.ws_row == size.ws_row && window_.ws_col == size.ws_col && window_.ws_xpixel == size.ws_xpixel &&
        window_.ws_ypixel == size.ws_ypixel)
      return;
    window_ = size;
    group = foreground_;
  }
  JobControl* jobs = GetJobControl();
  if (jobs != nullptr && group > 0) jobs->SignalGroup(group, abi::kSIGWINCH);
}

// ---- slave side ----

wait::EventMask Terminal::SlaveReadiness(wait::EventMask mask) {
  MutexLock lock(mu_);
  // hung_up_tty_poll: everything at once.
  if (hung_up_) return (kIn | kOut) & mask ? ((kIn | kOut) & mask) | abi::kPOLLERR | abi::kPOLLHUP : abi::kPOLLERR | abi::kPOLLHUP;
  wait::EventMask ready = 0;
  if (line_.InputReadable()) ready |= kIn;
  if (line_.OutputHasSpace()) ready |= kOut;
  return ready & mask;
}

void Terminal::AddSlave() {
  MutexLock lock(mu_);
  ++slaves_;
  slave_was_open_ = true;
}

void Terminal::DropSlave() {
  {
    MutexLock lock(mu_);
    if (--slaves_ != 0) return;
    exclusive_ = false;
  }
  // The master reads what is left, then EIO.
  Effects effects;
  effects.output_ready = true;
  master_queue_.Notify(abi::kPOLLHUP);
  Tell(effects, 0);
}

bool Terminal::IsControllingOf(Context& ctx) const {
  JobControl* jobs = GetJobControl();
  return jobs != nullptr && jobs->ControllingTerminal(ctx).get() == this;
}

// A process in the background may not go on: SIGTTIN or SIGTTOU to its group, and the call is run again when it has been continued.
Result<void> Terminal::CheckBackground(Context& ctx, int32_t signo) {
  if (!IsControllingOf(ctx)) return {};
  JobControl& jobs = *GetJobControl();
  const int32_t group = jobs.CallerPgrp(ctx);
  const int32_t foreground = foreground_group();
  if (foreground == 0 || group == foreground) return {};
  if (jobs.IsIgnoredOrBlocked(ctx, signo)) {
    if (signo == abi::kSIGTTIN) return Errno::kEIO;
    return {};
  }
  if (jobs.CallerIsOrphaned(ctx)) return Errno::kEIO;
  jobs.SignalGroup(group, signo);
  return Errno::kRestartSys;
}

// ---- sessions ----

int32_t Terminal::session() const {
  MutexLock lock(mu_);
  return session_;
}

int32_t Terminal::foreground_group() const {
  MutexLock lock(mu_);
  return foreground_;
}

bool Terminal::hung_up() const {
  MutexLock lock(mu_);
  return hung_up_;
}

Result<void> Terminal::BecomeControlling(Context& ctx, bool steal) {
  JobControl* jobs = GetJobControl();
  if (jobs == nullptr || !jobs->CallerIsSessionLeader(ctx)) return Errno::kEPERM;
  const RefPtr<Terminal> now = jobs->ControllingTerminal(ctx);
  const int32_t sid = jobs->CallerSid(ctx);
  if (now.get() == this && session() == sid) return {};
  if (now) return Errno::kEPERM;
  const int32_t group = jobs->CallerPgrp(ctx);
  int32_t robbed = 0;
  {
    MutexLock lock(mu_);
    if (hung_up_) return Errno::kEIO;
    if (session_ != 0) {
      if (!steal || !ctx.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
      robbed = session_;
    }
    session_ = sid;
    foreground_ = group;
  }
  if (robbed != 0) jobs->SetControllingTerminal(robbed, nullptr);
  jobs->SetControllingTerminal(sid, RefPtr<Terminal>::Share(this));
  return {};
}

void Terminal::AdoptSession(int32_t sid, int32_t pgid) {
  {
    MutexLock lock(mu_);
    session_ = sid;
    foreground_ = pgid;
  }
  if (JobControl* jobs = GetJobControl()) jobs->SetControllingTerminal(sid, RefPtr<Terminal>::Share(this));
}

void Terminal::SessionLeaderDied(int32_t sid) {
  int32_t group;
  {
    MutexLock lock(mu_);
    if (session_ == 0 || session_ != sid) return;
    group = foreground_;
    session_ = 0;
    foreground_ = 0;
  }
  JobControl* jobs = GetJobControl();
  if (jobs == nullptr) return;
  if (group > 0) {
    jobs->SignalGroup(group, abi::kSIGHUP);
    jobs->SignalGroup(group, abi::kSIGCONT);
  }
  jobs->SetControllingTerminal(sid, nullptr);
}

void Terminal::HangUp() {
  int32_t sid, group;
  {
    MutexLock lock(mu_);
    if (hung_up_) return;
    hung_up_ = true;
    sid = session_;
    group = foreground_;
    session_ = 0;
    foreground_ = 0;
  }
  slave_queue_.Notify(kIn | kOut | abi::kPOLLERR | abi::kPOLLHUP);
  JobControl* jobs = GetJobControl();
  if (jobs == nullptr || sid == 0) return;
  jobs->SignalSessionLeader(sid, abi::kSIGHUP);
  jobs->SignalSessionLeader(sid, abi::kSIGCONT);
  if (group > 0) {
    jobs->SignalGroup(group, abi::kSIGHUP);
    jobs->SignalGroup(group, abi::kSIGCONT);
  }
  jobs->SetControllingTerminal(sid, nullptr);
}

void Terminal::SetLocked(bool locked) {
  MutexLock lock(mu_);
  locked_ = locked;
}

void Terminal::CloseMaster() {
  HangUp();
  RefPtr<MasterObserver> observer;
  {
    MutexLock lock(mu_);
    std::swap(observer, observer_);
  }
  if (observer) observer->OnMasterClosed();
}

// ---- open ends ----

TtyFile::TtyFile(Ref<Terminal> terminal, End end, vfs::Path path, uint32_t flags)
    : File(kKind, std::move(path), flags), terminal_(std::move(terminal)), end_(end) {
  if (end_ == End::kSlave) terminal_->AddSlave();
}

TtyFile::~TtyFile() {
  if (end_ == End::kSlave) {
    terminal_->DropSlave();
  } else {
    terminal_->CloseMaster();
  }
}

Result<size_t> TtyFile::Read(Context& ctx, mm::IoSink& sink) {
  if (!readable()) return Errno::kEBADF;
  if (sink.remaining() == 0) return size_t{0};
  std::string bytes;
  if (end_ == End::kMaster) {
    bytes.resize(std::min(sink.remaining(), kStep));
    const size_t n = TRY(terminal_->MasterRead({reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}));
    bytes.resize(n);
  } else {
    if (terminal_->hung_up()) return size_t{0};
    TRY(terminal_->CheckBackground(ctx, abi::kSIGTTIN));
    const size_t max = std::min<size_t>(sink.remaining(), 64 << 10);
    const bool at_once = nonblocking();
    LineDiscipline::Chunk chunk =
        terminal_->WithLine([&](LineDiscipline& line, Effects& effects) { return line.TakeInput(max, at_once, effects); });
    if (!chunk.ready) return Errno::kEAGAIN;
    bytes = std::move(chunk.bytes);
  }
  if (bytes.empty()) return size_t{0};
  // As in Linux, what a bad buffer could not take is gone.
  return sink.Put(AsBytes(bytes));
}

Result<size_t> TtyFile::Write(Context& ctx, mm::IoSource& source) {
  if (!writable()) return Errno::kEBADF;
  if (end_ == End::kSlave) {
    if (terminal_->hung_up()) return Errno::kEIO;
    const bool stop = terminal_->WithLine([](LineDiscipline& line, Effects&) { return (line.termios().c_lflag & abi::kTOSTOP) != 0; });
    if (stop) TRY(terminal_->CheckBackground(ctx, abi::kSIGTTOU));
  }
  size_t done = 0;
  std::array<std::byte, kStep> buffer;  // NOLINT: filled by Peek
  while (source.remaining() != 0) {
    const Result<size_t> got = source.Peek({buffer.data(), std::min(buffer.size(), source.remaining())});
    if (!got.ok() && done == 0) return got.error();
    if (!got.ok() || *got == 0) break;
    const absl::Span<const std::byte> bytes(buffer.data(), *got);
    Result<size_t> n = size_t{0};
    if (end_ == End::kMaster) {
      n = terminal_->MasterWrite(bytes);
    } else {
      n = terminal_->WithLine([&](LineDiscipline& line, Effects& effects) { return line.Output(AsText(bytes), effects); });
    }
    const size_t taken = n.ok() ? *n : 0;
    source.Skip(taken);
    done += taken;
    if (taken < *got) break;
  }
  if (done == 0 && source.remaining() != 0) return Errno::kEAGAIN;
  return done;
}

std::string TtyFile::DisplayName() const {
  if (path()) return path().dentry->name();
  return end_ == End::kMaster ? "/dev/ptmx" : absl::StrCat("/dev/pts/", terminal_->index());
}

wait::EventMask TtyFile::Readiness(wait::EventMask mask) {
  return end_ == End::kMaster ? terminal_->MasterReadiness(mask) : terminal_->SlaveReadiness(mask);
}

void TtyFile::AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) {
  (end_ == End::kMaster ? terminal_->master_queue_ : terminal_->slave_queue_).Add(waiter, mask, exclusive);
}

void TtyFile::RemoveWaiter(wait::Waiter& waiter) {
  (end_ == End::kMaster ? terminal_->master_queue_ : terminal_->slave_queue_).Remove(waiter);
}

int64_t TtyFile::ReadTimeoutNs() const {
  if (end_ == End::kMaster) return -1;
  constexpr int64_t kTenthNs = 100'000'000;
  return terminal_->WithLine([](LineDiscipline& line, Effects&) {
    const abi::Termios2& termios = line.termios();
    if ((termios.c_lflag & abi::kICANON) != 0 || termios.c_cc[abi::kVMIN] != 0 || termios.c_cc[abi::kVTIME] == 0) return int64_t{-1};
    return termios.c_cc[abi::kVTIME] * kTenthNs;
  });
}

int64_t ReadTimeoutNs(vfs::File& file) {
  auto* tty = file.As<TtyFile>();
  return tty != nullptr ? tty->ReadTimeoutNs() : -1;
}

Result<Ref<vfs::File>> OpenSlave(Context& ctx, Ref<Terminal> terminal, const vfs::Path& path, uint32_t flags) {
  bool free;
  {
    MutexLock lock(terminal->mu_);
    if (terminal->hung_up_ || terminal->locked_) return Errno::kEIO;
    if (terminal->exclusive_ && !ctx.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEBUSY;
    free = terminal->session_ == 0;
  }
  // open(2): a session leader without a terminal gets this one, unless O_NOCTTY.
  JobControl* jobs = GetJobControl();
  if (free && (flags & abi::kO_NOCTTY) == 0 && jobs != nullptr && jobs->CallerIsSessionLeader(ctx) && !jobs->ControllingTerminal(ctx)) {
    // Somebody else may win the race: then it is not ours, and the open succeeds all the same.
    (void)terminal->BecomeControlling(ctx, false).ok();
  }
  return Ref<vfs::File>(MakeRef<TtyFile>(std::move(terminal), TtyFile::End::kSlave, path, flags));
}

RefPtr<Terminal> TerminalOf(vfs::File& file) {
  auto* tty = file.As<TtyFile>();
  return tty != nullptr ? RefPtr<Terminal>::Share(&tty->terminal()) : nullptr;
}

Result<Ref<vfs::File>> OpenDevTty(Context& ctx, vfs::Inode&, const vfs::Path& path, const vfs::OpenRequest& request) {
  JobControl* jobs = GetJobControl();
  RefPtr<Terminal> terminal = jobs != nullptr ? jobs->ControllingTerminal(ctx) : nullptr;
  if (!terminal) return Errno::kENXIO;
  return OpenSlave(ctx, std::move(terminal).ToRef(), path, request.flags | abi::kO_NOCTTY);
}

void RegisterDevTty() { vfs::RegisterCharDevice(abi::kTTYAUX_MAJOR, abi::kTTYAUX_MINOR_TTY, 1, &OpenDevTty); }

}  // namespace ringwall::tty
