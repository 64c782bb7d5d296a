// N_TTY: what typed bytes become, what a program's bytes become, and what is echoed (termios(3)).
#include "sentry/tty/line_discipline.h"

#include <algorithm>
#include <cctype>

#include "abi/ioctl.h"
#include "abi/signal.h"

namespace ringwall::tty {

namespace {

// Echo may exceed the output limit by this much, then it is dropped: a master that types and never reads must not fill our memory.
constexpr size_t kEchoSlack = 8192;

bool IsControl(uint8_t byte) { return byte < 0x20 || byte == 0x7f; }
bool IsContinuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }
bool IsWord(uint8_t byte) { return byte >= 0x80 || std::isalnum(byte) != 0 || byte == '_'; }

}  // namespace

LineDiscipline::LineDiscipline() {
  // The standard settings of a new terminal (tty_std_termios).
  termios_.c_iflag = abi::kICRNL | abi::kIXON;
  termios_.c_oflag = abi::kOPOST | abi::kONLCR;
  termios_.c_cflag = abi::kB38400 | abi::kCS8 | abi::kCREAD;
  termios_.c_lflag = abi::kISIG | abi::kICANON | abi::kECHO | abi::kECHOE | abi::kECHOK | abi::kECHOCTL | abi::kECHOKE | abi::kIEXTEN;
  termios_.c_ispeed = termios_.c_ospeed = 38400;
  uint8_t* cc = termios_.c_cc;
  cc[abi::kVINTR] = 3;
  cc[abi::kVQUIT] = 034;
  cc[abi::kVERASE] = 0177;
  cc[abi::kVKILL] = 025;
  cc[abi::kVEOF] = 4;
  cc[abi::kVTIME] = 0;
  cc[abi::kVMIN] = 1;
  cc[abi::kVSTART] = 021;
  cc[abi::kVSTOP] = 023;
  cc[abi::kVSUSP] = 032;
  cc[abi::kVREPRINT] = 022;
  cc[abi::kVDISCARD] = 017;
  cc[abi::kVWERASE] = 027;
  cc[abi::kVLNEXT] = 026;
}

void LineDiscipline::SetTermios(const abi::Termios2& termios, Effects& effects) {
  const bool was_canonical = canonical();
  const bool had_flow = InFlag(abi::kIXON) && IsCc(021, abi::kVSTART) && IsCc(023, abi::kVSTOP);
  const bool was_extproc = LocalFlag(abi::kEXTPROC);
  termios_ = termios;
  termios_.c_line = abi::kN_TTY;
  if (was_canonical && !canonical()) {
    // What was being typed can be read now.
    input_.insert(input_.end(), editing_.begin(), editing_.end());
    editing_.clear();
    lines_.clear();
    literal_next_ = false;
  } else if (!was_canonical && canonical() && !input_.empty()) {
    lines_.push_back({input_.size()});
  }
  if (InputReadable()) effects.input_ready = true;
  if (!InFlag(abi::kIXON) && stopped_) StartOutput(effects);
  const bool has_flow = InFlag(abi::kIXON) && IsCc(021, abi::kVSTART) && IsCc(023, abi::kVSTOP);
  if (has_flow != had_flow) effects.packet |= has_flow ? abi::kTIOCPKT_DOSTOP : abi::kTIOCPKT_NOSTOP;
  if (was_extproc || LocalFlag(abi::kEXTPROC)) effects.packet |= abi::kTIOCPKT_IOCTL;
}

// ---- typed bytes ----

size_t LineDiscipline::InputSpace() const {
  const size_t used = input_.size() + editing_.size();
  return used >= kMaxInputQueue ? 0 : kMaxInputQueue - used;
}

size_t LineDiscipline::Input(std::string_view bytes, Effects& effects) {
  size_t taken = 0;
  while (taken < bytes.size() && InputSpace() != 0) InputByte(static_cast<uint8_t>(bytes[taken++]), effects);
  return taken;
}

void LineDiscipline::InputByte(uint8_t byte, Effects& effects) {
  const size_t output_before = output_.size();
  if (InFlag(abi::kISTRIP)) byte &= 0x7f;
  if (InFlag(abi::kIUCLC) && LocalFlag(abi::kIEXTEN)) byte = static_cast<uint8_t>(std::tolower(byte));
  if (LocalFlag(abi::kEXTPROC)) {
    // The other side has edited the line already; only line ends count here.
    if (!canonical() || !LineEnd(byte, effects)) AddByte(byte, effects);
  } else if (literal_next_) {
    literal_next_ = false;
    AddByte(byte, effects);
  } else if (!FlowByte(byte, effects) && !SignalByte(byte, effects)) {
    bool drop = false;
    if (byte == '\r') {
      drop = InFlag(abi::kIGNCR);
      if (!drop && InFlag(abi::kICRNL)) byte = '\n';
    } else if (byte == '\n' && InFlag(abi::kINLCR)) {
      byte = '\r';
    }
    if (!drop && !(canonical() && (EditByte(byte, effects) || LineEnd(byte, effects)))) AddByte(byte, effects);
  }
  if (output_.size() != output_before) effects.output_ready = true;
}

bool LineDiscipline::FlowByte(uint8_t byte, Effects& effects) {
  if (!InFlag(abi::kIXON)) return false;
  if (IsCc(byte, abi::kVSTART)) {
    StartOutput(effects);
    return true;
  }
  if (IsCc(byte, abi::kVSTOP)) {
    StopOutput(effects);
    return true;
  }
  // IXANY: any character starts output again, and counts as itself.
  if (stopped_ && InFlag(abi::kIXANY)) StartOutput(effects);
  return false;
}

bool LineDiscipline::SignalByte(uint8_t byte, Effects& effects) {
  if (!LocalFlag(abi::kISIG)) return false;
  int32_t signo;
  if (IsCc(byte, abi::kVINTR)) {
    signo = abi::kSIGINT;
  } else if (IsCc(byte, abi::kVQUIT)) {
    signo = abi::kSIGQUIT;
  } else if (IsCc(byte, abi::kVSUSP)) {
    signo = abi::kSIGTSTP;
  } else {
    return false;
  }
  if (!LocalFlag(abi::kNOFLSH)) {
    FlushInput(effects);
    FlushOutput(effects);
  }
  if (InFlag(abi::kIXON) && stopped_) StartOutput(effects);
  if (LocalFlag(abi::kECHO)) Echo(byte);
  effects.signals.push_back(signo);
  return true;
}

bool LineDiscipline::EditByte(uint8_t byte, Effects&) {
  const bool extended = LocalFlag(abi::kIEXTEN);
  if (IsCc(byte, abi::kVERASE)) {
    if (!editing_.empty()) Erase(WithoutLastCharacter(), byte, LocalFlag(abi::kECHOE));
    return true;
  }
  if (IsCc(byte, abi::kVKILL)) {
    if (LocalFlag(abi::kECHOK) && LocalFlag(abi::kECHOKE) && LocalFlag(abi::kECHOE)) {
      Erase(0, byte, true);
    } else {
      editing_.clear();
      if (LocalFlag(abi::kECHO)) {
        Echo(byte);
        if (LocalFlag(abi::kECHOK)) OutputByte('\n');
      }
    }
    return true;
  }
  if (extended && IsCc(byte, abi::kVWERASE)) {
    if (!editing_.empty()) Erase(WithoutLastWord(), byte, LocalFlag(abi::kECHOE));
    return true;
  }
  if (extended && IsCc(byte, abi::kVLNEXT)) {
    literal_next_ = true;
    if (LocalFlag(abi::kECHO) && LocalFlag(abi::kECHOCTL)) Emit("^\b");
    return true;
  }
  if (extended && IsCc(byte, abi::kVREPRINT)) {
    if (LocalFlag(abi::kECHO)) {
      Echo(byte);
      Reprint();
    }
    return true;
  }
  return false;
}

bool LineDiscipline::LineEnd(uint8_t byte, Effects& effects) {
  if (byte == '\n') {
    if (LocalFlag(abi::kECHO) || LocalFlag(abi::kECHONL)) OutputByte('\n');
    editing_.push_back('\n');
    EndLine(effects);
    return true;
  }
  if (IsCc(byte, abi::kVEOF)) {
    EndLine(effects);
    return true;
  }
  if (IsCc(byte, abi::kVEOL) || (IsCc(byte, abi::kVEOL2) && LocalFlag(abi::kIEXTEN))) {
    if (LocalFlag(abi::kECHO)) Echo(byte);
    editing_.push_back(static_cast<char>(byte));
    EndLine(effects);
    return true;
  }
  return false;
}

void LineDiscipline::EndLine(Effects& effects) {
  lines_.push_back({editing_.size()});
  input_.insert(input_.end(), editing_.begin(), editing_.end());
  editing_.clear();
  effects.input_ready = true;
}

void LineDiscipline::AddByte(uint8_t byte, Effects& effects) {
  const bool doubled = InFlag(abi::kPARMRK) && byte == 0xff && !InFlag(abi::kISTRIP);
  if (canonical()) {
    if (editing_.size() + (doubled ? 2 : 1) > kMaxLine) {
      if (InFlag(abi::kIMAXBEL)) Emit("\a");
      return;
    }
    if (editing_.empty()) editing_column_ = column_;
    if (LocalFlag(abi::kECHO)) Echo(byte);
    editing_.append(doubled ? 2 : 1, static_cast<char>(byte));
    return;
  }
  if (LocalFlag(abi::kECHO)) Echo(byte);
  input_.insert(input_.end(), doubled ? 2 : 1, static_cast<char>(byte));
  effects.input_ready = true;
}

// ---- editing ----

size_t LineDiscipline::WithoutLastCharacter() const {
  size_t keep = editing_.size() - 1;
  // IUTF8: a character is a lead byte and its continuation bytes.
  if (InFlag(abi::kIUTF8)) {
    while (keep > 0 && IsContinuation(static_cast<uint8_t>(editing_[keep]))) --keep;
  }
  return keep;
}

size_t LineDiscipline::WithoutLastWord() const {
  size_t keep = editing_.size();
  while (keep > 0 && !IsWord(static_cast<uint8_t>(editing_[keep - 1]))) --keep;
  while (keep > 0 && IsWord(static_cast<uint8_t>(editing_[keep - 1]))) --keep;
  return keep;
}

uint32_t LineDiscipline::ColumnAfter(std::string_view text) const {
  uint32_t column = editing_column_;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == '\t') {
      column = (column | 7) + 1;
    } else if (IsControl(byte)) {
      column += LocalFlag(abi::kECHOCTL) ? 2 : 0;
    } else if (!(InFlag(abi::kIUTF8) && IsContinuation(byte))) {
      ++column;
    }
  }
  return column;
}

// Cuts the line to `keep` bytes and shows it: rubbed out when `visually`, else by echoing the character that did it.
void LineDiscipline::Erase(size_t keep, uint8_t by, bool visually) {
  if (LocalFlag(abi::kECHO)) {
    if (visually) {
      const uint32_t from = ColumnAfter(editing_);
      const uint32_t to = ColumnAfter(std::string_view(editing_).substr(0, keep));
      // Over a tab there is nothing to blank, only to step back.
      const bool only_tabs = std::all_of(editing_.begin() + static_cast<ptrdiff_t>(keep), editing_.end(), [](char c) { return c == '\t'; });
      for (uint32_t i = to; i < from; ++i) Emit(only_tabs ? "\b" : "\b \b");
      column_ = to;
    } else {
      Echo(by);
    }
  }
  editing_.resize(keep);
}

void LineDiscipline::Reprint() {
  OutputByte('\n');
  editing_column_ = column_;
  for (const char c : editing_) Echo(static_cast<uint8_t>(c));
}

void LineDiscipline::Echo(uint8_t byte) {
  if (LocalFlag(abi::kECHOCTL) && IsControl(byte) && byte != '\t' && byte != '\n') {
    const char text[2] = {'^', static_cast<char>(byte ^ 0x40)};
    Emit({text, 2});
    column_ += 2;
    return;
  }
  if (output_.size() < kMaxOutput + kEchoSlack) OutputByte(byte);
}

void LineDiscipline::Emit(std::string_view bytes) {
  if (output_.size() < kMaxOutput + kEchoSlack) output_.insert(output_.end(), bytes.begin(), bytes.end());
}

// ---- a program's output ----

void LineDiscipline::OutputByte(uint8_t byte) {
  if (!OutFlag(abi::kOPOST)) {
    output_.push_back(static_cast<char>(byte));
    return;
  }
  switch (byte) {
    case '\n':
      if (OutFlag(abi::kONLRET)) column_ = 0;
      if (OutFlag(abi::kONLCR)) {
        output_.push_back('\r');
        column_ = 0;
      }
      break;
    case '\r':
      if (OutFlag(abi::kONOCR) && column_ == 0) return;
      if (OutFlag(abi::kOCRNL)) {
        byte = '\n';
        if (OutFlag(abi::kONLRET)) column_ = 0;
        break;
      }
      column_ = 0;
      break;
    case '\t': {
      const uint32_t spaces = 8 - (column_ & 7);
      column_ += spaces;
      if ((termios_.c_oflag & abi::kTABDLY) == abi::kXTABS) {
        output_.insert(output_.end(), spaces, ' ');
        return;
      }
      break;
    }
    case '\b':
      if (column_ > 0) --column_;
      break;
    default:
      if (!IsControl(byte)) {
        if (OutFlag(abi::kOLCUC)) byte = static_cast<uint8_t>(std::toupper(byte));
        if (!(InFlag(abi::kIUTF8) && IsContinuation(byte))) ++column_;
      }
      break;
  }
  output_.push_back(static_cast<char>(byte));
}

size_t LineDiscipline::Output(std::string_view bytes, Effects& effects) {
  size_t taken = 0;
  while (taken < bytes.size() && OutputHasSpace()) OutputByte(static_cast<uint8_t>(bytes[taken++]));
  if (taken != 0) effects.output_ready = true;
  return taken;
}

std::string LineDiscipline::TakeOutput(size_t max, Effects& effects) {
  const bool was_full = !OutputHasSpace();
  const size_t n = std::min(max, output_.size());
  const auto end = output_.begin() + static_cast<ptrdiff_t>(n);
  std::string out(output_.begin(), end);
  output_.erase(output_.begin(), end);
  if (was_full && OutputHasSpace()) effects.output_space = true;
  return out;
}

// ---- reading ----

bool LineDiscipline::InputReadable() const {
  if (canonical()) return !lines_.empty();
  const size_t enough = termios_.c_cc[abi::kVTIME] == 0 && termios_.c_cc[abi::kVMIN] != 0 ? termios_.c_cc[abi::kVMIN] : 1;
  return input_.size() >= enough;
}

size_t LineDiscipline::InputPending() const { return input_.size(); }

LineDiscipline::Chunk LineDiscipline::TakeInput(size_t max, bool at_once, Effects& effects) {
  Chunk out;
  size_t n;
  if (canonical()) {
    if (lines_.empty()) return out;
    Line& line = lines_.front();
    n = std::min(max, line.length);
    line.length -= n;
    if (line.length == 0) lines_.pop_front();
  } else {
    const size_t min = termios_.c_cc[abi::kVMIN];
    const size_t time = termios_.c_cc[abi::kVTIME];
    n = std::min(max, input_.size());
    if (n == 0) {
      out.ready = min == 0 && time == 0;
      return out;
    }
    if (time == 0 && !at_once && n < std::min(min, max)) return out;
  }
  out.ready = true;
  const bool was_full = InputSpace() == 0;
  const auto end = input_.begin() + static_cast<ptrdiff_t>(n);
  out.bytes.assign(input_.begin(), end);
  input_.erase(input_.begin(), end);
  if (was_full && InputSpace() != 0) effects.input_space = true;
  return out;
}

// ---- flushing and flow ----

void LineDiscipline::FlushInput(Effects& effects) {
  input_.clear();
  lines_.clear();
  editing_.clear();
  literal_next_ = false;
  effects.input_space = true;
  effects.packet |= abi::kTIOCPKT_FLUSHREAD;
}

void LineDiscipline::FlushOutput(Effects& effects) {
  output_.clear();
  effects.output_space = true;
  effects.packet |= abi::kTIOCPKT_FLUSHWRITE;
}

void LineDiscipline::StopOutput(Effects& effects) {
  if (stopped_) return;
  stopped_ = true;
  effects.packet = static_cast<uint8_t>((effects.packet & ~abi::kTIOCPKT_START) | abi::kTIOCPKT_STOP);
}

void LineDiscipline::StartOutput(Effects& effects) {
  if (!stopped_) return;
  stopped_ = false;
  effects.packet = static_cast<uint8_t>((effects.packet & ~abi::kTIOCPKT_STOP) | abi::kTIOCPKT_START);
  effects.output_space = true;
}

void LineDiscipline::SendControl(uint32_t cc_index, Effects& effects) {
  if (termios_.c_cc[cc_index] == 0) return;
  output_.push_back(static_cast<char>(termios_.c_cc[cc_index]));
  effects.output_ready = true;
}

}  // namespace ringwall::tty
