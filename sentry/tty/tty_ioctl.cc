// ioctl_tty(2).
#include <algorithm>
#include <cstring>

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/signal.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/user_memory.h"
#include "sentry/tty/job_control.h"
#include "sentry/tty/tty.h"

namespace ringwall::tty {

namespace {

// Baud rates of the CBAUD codes (termios(3)), in order; the codes from B57600 on have CBAUDEX.
constexpr uint32_t kSlow[] = {0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
constexpr uint32_t kFast[] = {0,       57600,   115200,  230400,  460800,  500000,  576000,  921600,
                              1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};

uint32_t SpeedOf(uint32_t code, uint32_t other) {
  if (code == abi::kBOTHER) return other;
  const uint32_t index = code & 15;
  return (code & abi::kCBAUDEX) != 0 ? kFast[index] : kSlow[index];
}

abi::Termios2 WithSpeeds(abi::Termios2 t) {
  t.c_ospeed = SpeedOf(t.c_cflag & abi::kCBAUD, t.c_ospeed);
  const uint32_t input = t.c_cflag >> 16 & abi::kCBAUD;
  t.c_ispeed = input == abi::kB0 ? t.c_ospeed : SpeedOf(input, t.c_ispeed);
  return t;
}

template <typename To, typename From>
void CopyFlags(To& to, const From& from) {
  to.c_iflag = static_cast<decltype(to.c_iflag)>(from.c_iflag);
  to.c_oflag = static_cast<decltype(to.c_oflag)>(from.c_oflag);
  to.c_cflag = static_cast<decltype(to.c_cflag)>(from.c_cflag);
  to.c_lflag = static_cast<decltype(to.c_lflag)>(from.c_lflag);
  to.c_line = from.c_line;
}

// Bits and characters that `fixed` names keep their present value (ioctl_tty(2), TIOCSLCKTRMIOS).
void KeepFixed(abi::Termios2& next, const abi::Termios2& now, const abi::Termios& fixed) {
  const auto keep = [](auto& wanted, auto present, auto mask) { wanted = (wanted & ~mask) | (present & mask); };
  keep(next.c_iflag, now.c_iflag, fixed.c_iflag);
  keep(next.c_oflag, now.c_oflag, fixed.c_oflag);
  keep(next.c_cflag, now.c_cflag, fixed.c_cflag);
  keep(next.c_lflag, now.c_lflag, fixed.c_lflag);
  if (fixed.c_line != 0) next.c_line = now.c_line;
  for (size_t i = 0; i < sizeof(fixed.c_cc); ++i) {
    if (fixed.c_cc[i] != 0) next.c_cc[i] = now.c_cc[i];
  }
}

}  // namespace

// One ioctl of one open end.
class TtyIoctl {
 public:
  TtyIoctl(TtyFile& file, Context& ctx, uint64_t argument)
      : file_(file), terminal_(file.terminal()), ctx_(ctx), memory_(ctx.memory()), argument_(argument) {}

  Result<int64_t> Run(uint32_t command) {
    if (!file_.is_master() && terminal_.hung_up()) return command == abi::kTIOCSPGRP ? Errno::kENOTTY : Errno::kEIO;
    switch (command) {
      case abi::kTCGETS:
      case abi::kTCGETS2:
      case abi::kTCGETA: return GetTermios(command);
      case abi::kTCSETS:
      case abi::kTCSETSW:
      case abi::kTCSETSF: return SetTermios<abi::Termios>(command == abi::kTCSETSF);
      case abi::kTCSETS2:
      case abi::kTCSETSW2:
      case abi::kTCSETSF2: return SetTermios<abi::Termios2>(command == abi::kTCSETSF2);
      case abi::kTCSETA:
      case abi::kTCSETAW:
      case abi::kTCSETAF: return SetTermio(command == abi::kTCSETAF);
      case abi::kTIOCGLCKTRMIOS: return GetFixed();
      case abi::kTIOCSLCKTRMIOS: return SetFixed();
      case abi::kTIOCGWINSZ: return GetWindow();
      case abi::kTIOCSWINSZ: return SetWindow();
      case abi::kTIOCGPGRP: return GetForeground();
      case abi::kTIOCSPGRP: return SetForeground();
      case abi::kTIOCGSID: return GetSession();
      case abi::kTIOCSCTTY: return SetControlling();
      case abi::kTIOCNOTTY: return GiveUpControlling();
      case abi::kTCFLSH: return Flush();
      case abi::kTCXONC: return FlowControl();
      case abi::kTCSBRK:
      case abi::kTCSBRKP:
      case abi::kTIOCSBRK:
      case abi::kTIOCCBRK: return Change();  // pseudo-terminals have no line to break
      case abi::kFIONREAD: return CountInput();
      case abi::kTIOCOUTQ: return WriteInt(0);  // pty output has left the slave at once
      case abi::kTIOCEXCL:
      case abi::kTIOCNXCL: return SetExclusive(command == abi::kTIOCEXCL);
      case abi::kTIOCGEXCL: return WriteInt(Get(&Terminal::exclusive_));
      case abi::kTIOCGETD: return WriteInt(abi::kN_TTY);
      case abi::kTIOCSETD: return SetDiscipline();
      case abi::kTIOCGSOFTCAR: return WriteInt(1);
      case abi::kTIOCSSOFTCAR: return int64_t{0};
      case abi::kTIOCSTI: return Errno::kEIO;  // pushing input is refused, as with dev.tty.legacy_tiocsti=0
      case abi::kTIOCGDEV: return WriteInt(static_cast<int32_t>(terminal_.device()));
      case abi::kTIOCVHANGUP:
        if (!ctx_.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
        terminal_.HangUp();
        return int64_t{0};
      default: break;
    }
    if (file_.is_master()) return RunMaster(command);
    return Errno::kENOTTY;
  }

 private:
  Result<int64_t> RunMaster(uint32_t command) {
    switch (command) {
      case abi::kTIOCGPTN:
        if (terminal_.index() < 0) return Errno::kENOTTY;
        return WriteInt(terminal_.index());
      case abi::kTIOCSPTLCK: {
        const int32_t lock = TRY(memory_.ReadValue<int32_t>(argument_));
        Set(&Terminal::locked_, lock != 0);
        return int64_t{0};
      }
      case abi::kTIOCGPTLCK: return WriteInt(Get(&Terminal::locked_));
      case abi::kTIOCPKT: {
        const int32_t on = TRY(memory_.ReadValue<int32_t>(argument_));
        MutexLock lock(terminal_.mu_);
        terminal_.packet_mode_ = on != 0;
        terminal_.packet_ = 0;
        return int64_t{0};
      }
      case abi::kTIOCGPKT: return WriteInt(Get(&Terminal::packet_mode_));
      case abi::kTIOCSIG: {
        const auto signo = static_cast<int32_t>(argument_);
        if (signo != abi::kSIGINT && signo != abi::kSIGQUIT && signo != abi::kSIGTSTP) return Errno::kEINVAL;
        JobControl* jobs = GetJobControl();
        const int32_t group = terminal_.foreground_group();
        if (jobs != nullptr && group > 0) jobs->SignalGroup(group, signo);
        return int64_t{0};
      }
      default: return Errno::kENOTTY;
    }
  }

  Result<int64_t> WriteInt(int32_t value) {
    TRY(memory_.WriteValue<int32_t>(argument_, value));
    return int64_t{0};
  }
  bool Get(bool Terminal::*field) {
    MutexLock lock(terminal_.mu_);
    return terminal_.*field;
  }
  void Set(bool Terminal::*field, bool value) {
    MutexLock lock(terminal_.mu_);
    terminal_.*field = value;
  }
  abi::Termios2 Termios() {
    MutexLock lock(terminal_.mu_);
    return terminal_.line_.termios();
  }
  // A job in the background that changes the terminal gets SIGTTOU (tty_check_change); the master belongs to no session.
  Result<int64_t> Change() {
    if (!file_.is_master()) TRY(terminal_.CheckBackground(ctx_, abi::kSIGTTOU));
    return int64_t{0};
  }
  template <typename Step>
  void Apply(Step step) {
    Effects effects;
    {
      MutexLock lock(terminal_.mu_);
      step(terminal_.line_, effects);
      if (terminal_.packet_mode_) {
        terminal_.packet_ |= effects.packet;
      } else {
        effects.packet = 0;
      }
    }
    terminal_.Tell(effects, 0);
  }

  Result<int64_t> GetTermios(uint32_t command) {
    const abi::Termios2 now = Termios();
    if (command == abi::kTCGETS2) {
      TRY(memory_.WriteValue(argument_, now));
      return int64_t{0};
    }
    if (command == abi::kTCGETS) {
      abi::Termios out;
      CopyFlags(out, now);
      std::memcpy(out.c_cc, now.c_cc, sizeof(out.c_cc));
      TRY(memory_.WriteValue(argument_, out));
      return int64_t{0};
    }
    abi::Termio out;
    CopyFlags(out, now);
    std::memcpy(out.c_cc, now.c_cc, sizeof(out.c_cc));
    TRY(memory_.WriteValue(argument_, out));
    return int64_t{0};
  }

  template <typename T>
  Result<int64_t> SetTermios(bool flush) {
    const T wanted = TRY(memory_.ReadValue<T>(argument_));
    TRY(Change());
    abi::Termios2 next = Termios();
    CopyFlags(next, wanted);
    std::memcpy(next.c_cc, wanted.c_cc, sizeof(next.c_cc));
    if constexpr (std::is_same_v<T, abi::Termios2>) {
      next.c_ispeed = wanted.c_ispeed;
      next.c_ospeed = wanted.c_ospeed;
    }
    return Store(next, flush);
  }

  Result<int64_t> SetTermio(bool flush) {
    const auto wanted = TRY(memory_.ReadValue<abi::Termio>(argument_));
    TRY(Change());
    abi::Termios2 next = Termios();
    // The low halves only (TCSETA's shorts).
    next.c_iflag = (next.c_iflag & 0xffff0000) | wanted.c_iflag;
    next.c_oflag = (next.c_oflag & 0xffff0000) | wanted.c_oflag;
    next.c_cflag = (next.c_cflag & 0xffff0000) | wanted.c_cflag;
    next.c_lflag = (next.c_lflag & 0xffff0000) | wanted.c_lflag;
    std::memcpy(next.c_cc, wanted.c_cc, sizeof(wanted.c_cc));
    return Store(next, flush);
  }

  Result<int64_t> Store(const abi::Termios2& wanted, bool flush) {
    abi::Termios2 next = WithSpeeds(wanted);
    // A pty has no parity and no other character size (pty_set_termios).
    next.c_cflag = (next.c_cflag & ~(abi::kCSIZE | abi::kPARENB)) | abi::kCS8 | abi::kCREAD;
    const abi::Termios fixed = Fixed();
    Apply([&](LineDiscipline& line, Effects& effects) {
      if (flush) line.FlushInput(effects);
      KeepFixed(next, line.termios(), fixed);
      line.SetTermios(next, effects);
    });
    return int64_t{0};
  }

  abi::Termios Fixed() {
    MutexLock lock(terminal_.mu_);
    return terminal_.fixed_;
  }
  Result<int64_t> GetFixed() {
    TRY(memory_.WriteValue(argument_, Fixed()));
    return int64_t{0};
  }
  Result<int64_t> SetFixed() {
    if (!ctx_.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
    const auto fixed = TRY(memory_.ReadValue<abi::Termios>(argument_));
    MutexLock lock(terminal_.mu_);
    terminal_.fixed_ = fixed;
    return int64_t{0};
  }

  Result<int64_t> GetWindow() {
    abi::Winsize size;
    {
      MutexLock lock(terminal_.mu_);
      size = terminal_.window_;
    }
    TRY(memory_.WriteValue(argument_, size));
    return int64_t{0};
  }

  Result<int64_t> SetWindow() {
    const auto size = TRY(memory_.ReadValue<abi::Winsize>(argument_));
    terminal_.SetWindowSize(size);
    return int64_t{0};
  }

  // A process group or session, in the caller's numbers.
  Result<int64_t> WriteId(int32_t id) {
    JobControl* jobs = GetJobControl();
    return WriteInt(jobs != nullptr ? jobs->ToGuest(ctx_, id) : id);
  }

  Result<int64_t> GetForeground() {
    if (!file_.is_master() && !terminal_.IsControllingOf(ctx_)) return Errno::kENOTTY;
    return WriteId(terminal_.foreground_group());
  }

  Result<int64_t> SetForeground() {
    if (!file_.is_master()) {
      const Result<int64_t> change = Change();
      // tty_check_change's EIO is ENOTTY here.
      if (!change.ok()) return change.error() == Errno::kEIO ? Errno::kENOTTY : change.error();
    }
    JobControl* jobs = GetJobControl();
    if (jobs == nullptr || !terminal_.IsControllingOf(ctx_)) return Errno::kENOTTY;
    const int32_t sid = jobs->CallerSid(ctx_);
    if (terminal_.session() != sid) return Errno::kENOTTY;
    int32_t group = TRY(memory_.ReadValue<int32_t>(argument_));
    if (group < 0) return Errno::kEINVAL;
    group = jobs->FromGuest(ctx_, group);
    switch (jobs->FindGroup(group, sid)) {
      case JobControl::GroupState::kNone: return Errno::kESRCH;
      case JobControl::GroupState::kOtherSession: return Errno::kEPERM;
      case JobControl::GroupState::kInSession: break;
    }
    MutexLock lock(terminal_.mu_);
    terminal_.foreground_ = group;
    return int64_t{0};
  }

  Result<int64_t> GetSession() {
    if (!file_.is_master() && !terminal_.IsControllingOf(ctx_)) return Errno::kENOTTY;
    const int32_t sid = terminal_.session();
    if (sid == 0) return Errno::kENOTTY;
    return WriteId(sid);
  }

  Result<int64_t> SetControlling() {
    if (file_.is_master()) return Errno::kEIO;
    TRY(terminal_.BecomeControlling(ctx_, argument_ == 1));
    return int64_t{0};
  }

  Result<int64_t> GiveUpControlling() {
    if (!terminal_.IsControllingOf(ctx_)) return Errno::kENOTTY;
    JobControl* jobs = GetJobControl();
    // Differs from Linux: the terminal belongs to the session, so a process that is not the leader cannot give it up for itself alone.
    if (jobs->CallerIsSessionLeader(ctx_)) terminal_.SessionLeaderDied(jobs->CallerSid(ctx_));
    return int64_t{0};
  }

  Result<int64_t> Flush() {
    TRY(Change());
    const auto what = static_cast<int32_t>(argument_);
    if (what != abi::kTCIFLUSH && what != abi::kTCOFLUSH && what != abi::kTCIOFLUSH) return Errno::kEINVAL;
    // Seen from the master the directions are swapped.
    const bool input = what == abi::kTCIOFLUSH || (what == abi::kTCIFLUSH) != file_.is_master();
    const bool output = what == abi::kTCIOFLUSH || (what == abi::kTCOFLUSH) != file_.is_master();
    Apply([&](LineDiscipline& line, Effects& effects) {
      if (input) line.FlushInput(effects);
      if (output) line.FlushOutput(effects);
    });
    return int64_t{0};
  }

  Result<int64_t> FlowControl() {
    TRY(Change());
    switch (static_cast<int32_t>(argument_)) {
      case abi::kTCOOFF: Apply([](LineDiscipline& line, Effects& effects) { line.StopOutput(effects); }); return int64_t{0};
      case abi::kTCOON: Apply([](LineDiscipline& line, Effects& effects) { line.StartOutput(effects); }); return int64_t{0};
      case abi::kTCIOFF: Apply([](LineDiscipline& line, Effects& effects) { line.SendControl(abi::kVSTOP, effects); }); return int64_t{0};
      case abi::kTCION: Apply([](LineDiscipline& line, Effects& effects) { line.SendControl(abi::kVSTART, effects); }); return int64_t{0};
      default: return Errno::kEINVAL;
    }
  }

  Result<int64_t> CountInput() {
    size_t n;
    {
      MutexLock lock(terminal_.mu_);
      n = file_.is_master() ? terminal_.line_.OutputPending() : terminal_.line_.InputPending();
    }
    return WriteInt(static_cast<int32_t>(n));
  }

  Result<int64_t> SetExclusive(bool exclusive) {
    Set(&Terminal::exclusive_, exclusive);
    return int64_t{0};
  }

  Result<int64_t> SetDiscipline() {
    const int32_t wanted = TRY(memory_.ReadValue<int32_t>(argument_));
    if (wanted != abi::kN_TTY) return Errno::kEINVAL;
    return int64_t{0};
  }

  TtyFile& file_;
  Terminal& terminal_;
  Context& ctx_;
  mm::UserMemory& memory_;
  const uint64_t argument_;
};

Result<int64_t> TtyFile::Ioctl(Context& ctx, uint32_t command, uint64_t argument) { return TtyIoctl(*this, ctx, argument).Run(command); }

}  // namespace ringwall::tty
