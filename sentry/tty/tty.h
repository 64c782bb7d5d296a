// Terminal and TtyFile: a pseudo-terminal pair with its line discipline (pty(7), termios(3), ioctl_tty(2)), and its two kinds of open ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi/termios.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/tty/line_discipline.h"
#include "sentry/vfs/file.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::tty {

// Told, without locks, when the master side may go on (the pump of a Console) and when it was closed (devpts takes the name away).
class MasterObserver : public RefCounted {
 public:
  virtual void OnMasterReady() {}
  virtual void OnMasterClosed() {}
};

class Terminal final : public RefCounted {
 public:
  // `index` is N of /dev/pts/N; -1 for the console.
  explicit Terminal(int32_t index);
  int32_t index() const { return index_; }
  uint64_t device() const;  // st_rdev of the slave

  // ---- master side: what the user types and sees. Used by the master file and by Console. ----
  // Bytes taken; EAGAIN when the input queue is full. Input without a slave is kept for the next one.
  Result<size_t> MasterWrite(absl::Span<const std::byte> bytes);
  // Output of the slave (a packet byte first in TIOCPKT mode). EAGAIN, EIO when the slave has been closed and all is read.
  Result<size_t> MasterRead(absl::Span<std::byte> to);
  void SetWindowSize(const abi::Winsize& size);  // SIGWINCH to the foreground group when it changed
  wait::EventMask MasterReadiness(wait::EventMask mask);
  void SetObserver(RefPtr<MasterObserver> observer);
  // TIOCSPTLCK: slaves cannot be opened. New pairs of devpts start so.
  void SetLocked(bool locked);

  // ---- sessions (ioctl_tty(2), credentials(7)) ----
  int32_t session() const;           // 0: nobody's controlling terminal
  int32_t foreground_group() const;  // 0: none
  // TIOCSCTTY and open(2) without O_NOCTTY by a session leader without a terminal. EPERM.
  Result<void> BecomeControlling(Context& ctx, bool steal);
  // For the first process of a container: session and foreground group are given.
  void AdoptSession(int32_t sid, int32_t pgid);
  // The session leader `sid` died: SIGHUP and SIGCONT to the foreground group, no session any more. No effect for another session.
  void SessionLeaderDied(int32_t sid);
  // vhangup, master closed: SIGHUP and SIGCONT to the session leader and foreground group; slave reads give end of file, writes EIO.
  void HangUp();
  bool hung_up() const;

 private:
  friend class TtyFile;
  friend class TtyIoctl;
  friend Result<Ref<vfs::File>> OpenSlave(Context& ctx, Ref<Terminal> terminal, const vfs::Path& path, uint32_t flags);
  ~Terminal() override = default;
  // Both queues, the observer, signals to `group`. No lock held.
  void Tell(const Effects& effects, int32_t group);
  // One step of the line discipline under the lock, then Tell.
  template <typename Step>
  auto WithLine(Step step);
  Result<void> CheckBackground(Context& ctx, int32_t signo);
  bool IsControllingOf(Context& ctx) const;
  wait::EventMask SlaveReadiness(wait::EventMask mask);
  void AddSlave();
  void DropSlave();
  void CloseMaster();

  const int32_t index_;
  mutable Mutex<LockRank::kTty> mu_;
  LineDiscipline line_ ABSL_GUARDED_BY(mu_);
  abi::Termios fixed_ ABSL_GUARDED_BY(mu_);  // TIOCSLCKTRMIOS: what is not zero here keeps its value
  abi::Winsize window_ ABSL_GUARDED_BY(mu_);
  int32_t session_ ABSL_GUARDED_BY(mu_) = 0;
  int32_t foreground_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t slaves_ ABSL_GUARDED_BY(mu_) = 0;
  bool slave_was_open_ ABSL_GUARDED_BY(mu_) = false;
  bool hung_up_ ABSL_GUARDED_BY(mu_) = false;    // the master is gone
  bool locked_ ABSL_GUARDED_BY(mu_) = false;     // TIOCSPTLCK
  bool exclusive_ ABSL_GUARDED_BY(mu_) = false;  // TIOCEXCL
  bool packet_mode_ ABSL_GUARDED_BY(mu_) = false;
  uint8_t packet_ ABSL_GUARDED_BY(mu_) = 0;  // TIOCPKT_* bits the master has not read
  RefPtr<MasterObserver> observer_ ABSL_GUARDED_BY(mu_);
  wait::WaitQueue slave_queue_;
  wait::WaitQueue master_queue_;
};

// An open end. Closing the master hangs the terminal up.
class TtyFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kTty;
  enum class End : uint8_t { kMaster, kSlave };
  TtyFile(Ref<Terminal> terminal, End end, vfs::Path path, uint32_t flags);

  Terminal& terminal() const { return *terminal_; }
  bool is_master() const { return end_ == End::kMaster; }

  // Slave reads follow the line discipline: EAGAIN also while VMIN/VTIME are not met. SIGTTIN/SIGTTOU were sent when kRestartSys comes
  // back.
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kESPIPE; }
  Result<size_t> PWrite(Context&, mm::IoSource&, uint64_t) override { return Errno::kESPIPE; }
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  std::string DisplayName() const override;
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override;
  void RemoveWaiter(wait::Waiter& waiter) override;

  // After a read gave EAGAIN: how long to park at most, in ns, by VTIME; -1 = for ever. When that time has passed, the handler returns 0
  // ("a read with a timeout gives 0", termios(3)).
  int64_t ReadTimeoutNs() const;

 private:
  friend class TtyIoctl;
  ~TtyFile() override;
  const Ref<Terminal> terminal_;
  const End end_;
};

// ReadTimeoutNs of any file: -1 when it is no terminal.
int64_t ReadTimeoutNs(vfs::File& file);

// open(2) of a slave: EIO while locked or hung up, EBUSY with TIOCEXCL. Becomes the caller's controlling terminal by the rules of open(2).
Result<Ref<vfs::File>> OpenSlave(Context& ctx, Ref<Terminal> terminal, const vfs::Path& path, uint32_t flags);
// The terminal behind a file; null when it is none.
RefPtr<Terminal> TerminalOf(vfs::File& file);

// /dev/tty (5:0): the caller's controlling terminal; ENXIO. A vfs::NodeOpener.
Result<Ref<vfs::File>> OpenDevTty(Context& ctx, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request);
// At boot: registers /dev/tty.
void RegisterDevTty();

}  // namespace ringwall::tty
