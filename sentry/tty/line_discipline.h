// The line discipline N_TTY (termios(3)) as a plain machine: bytes in from both sides, effects out. No lock, no wait queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "abi/termios.h"

namespace ringwall::tty {

// What a step did that others must hear of.
struct Effects {
  bool input_ready = false;    // the slave may read
  bool output_ready = false;   // the master may read
  bool input_space = false;    // the master may write
  bool output_space = false;   // the slave may write
  bool flush_input = false;    // an interrupt character threw the input away
  uint8_t packet = 0;          // TIOCPKT_* bits for the master
  std::vector<int32_t> signals;  // for the foreground group, in order
};

class LineDiscipline {
 public:
  static constexpr size_t kMaxInput = 4096;       // N_TTY_BUF_SIZE: the longest line, with its newline
  static constexpr size_t kMaxInputQueue = 65536; // what a master may write ahead of the reader
  static constexpr size_t kMaxOutput = 65536;

  LineDiscipline();
  const abi::Termios2& termios() const { return termios_; }
  // TCSETS*. The caller has flushed input for the F kind.
  void SetTermios(const abi::Termios2& termios, Effects& effects);

  // ---- master side ----
  // Bytes of the user's typing that were taken.
  size_t Input(std::string_view bytes, Effects& effects);
  size_t InputSpace() const;
  // Takes up to `max` bytes of output.
  std::string TakeOutput(size_t max, Effects& effects);
  size_t OutputPending() const { return output_.size(); }

  // ---- slave side ----
  // Bytes of a program's output that were taken; 0 when there is no space or output is stopped.
  size_t Output(std::string_view bytes, Effects& effects);
  bool OutputHasSpace() const { return !stopped_ && output_.size() < kMaxOutput; }
  bool InputReadable() const;
  // What one read(2) of `max` bytes returns now. `eof`: an EOF character made it end of file (no bytes).
  struct Chunk {
    std::string bytes;
    bool ready = false;  // false: EAGAIN
  };
  Chunk TakeInput(size_t max, Effects& effects);
  // Bytes of FIONREAD: of whole lines in canonical mode.
  size_t InputPending() const;
  // VTIME of a raw read in tenths of a second, when a timer runs now; 0 = none.
  uint32_t ReadTimer() const;
  // Whatever is there although VMIN is not met (the inter-byte timer ran out).
  Chunk TakeTimedOut(size_t max, Effects& effects);

  void FlushInput(Effects& effects);
  void FlushOutput(Effects& effects);
  // TCXONC: TCOOFF/TCOON, and the stop/start characters to the other side.
  void StopOutput(Effects& effects);
  void StartOutput(Effects& effects);
  bool stopped() const { return stopped_; }
  void SendInputControl(uint8_t cc_index, Effects& effects);

 private:
  bool Is(uint32_t flags, uint32_t bit) const { return (flags & bit) != 0; }
  bool canonical() const { return (termios_.c_lflag & abi::kICANON) != 0; }
  bool IsCc(uint8_t byte, uint32_t index) const { return termios_.c_cc[index] != 0 && byte == termios_.c_cc[index]; }
  void InputByte(uint8_t byte, Effects& effects);
  void CanonicalByte(uint8_t byte, Effects& effects);
  void AddLineByte(uint8_t byte);
  void EndLine(Effects& effects);
  bool SignalByte(uint8_t byte, Effects& effects);
  void EraseOne(Effects& effects);
  void EraseWord(Effects& effects);
  void EraseLine(Effects& effects);
  void Reprint(Effects& effects);
  void Echo(uint8_t byte, Effects& effects);
  void EchoErased(std::string_view erased, Effects& effects);
  void OutputByte(uint8_t byte);
  void Raw(std::string_view bytes) { output_.insert(output_.end(), bytes.begin(), bytes.end()); }
  void ThrottleIfFull(Effects& effects);

  abi::Termios2 termios_;
  // Finished input. In canonical mode `lines_` holds the length of each line in it, delimiter included; a length may be 0 (EOF).
  std::deque<char> input_;
  struct Line {
    size_t length;      // bytes in input_
    bool eof;           // ended by VEOF: the delimiter is not stored
  };
  std::deque<Line> lines_;
  std::string editing_;          // the line being typed (canonical mode)
  uint32_t editing_column_ = 0;  // where the edited line began on the screen
  bool literal_next_ = false;    // after VLNEXT
  bool throttled_ = false;       // IXOFF: VSTOP was sent
  std::deque<char> output_;
  uint32_t column_ = 0;
  bool stopped_ = false;
};

}  // namespace ringwall::tty
