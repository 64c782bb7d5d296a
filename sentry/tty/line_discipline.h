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
  bool input_ready = false;      // the slave may read
  bool output_ready = false;     // the master may read
  bool input_space = false;      // the master may write
  bool output_space = false;     // the slave may write
  uint8_t packet = 0;            // TIOCPKT_* bits for the master
  std::vector<int32_t> signals;  // for the foreground group, in order
};

class LineDiscipline {
 public:
  static constexpr size_t kMaxLine = 4095;         // the longest line, without its newline: the rest of it is dropped
  static constexpr size_t kMaxInputQueue = 65536;  // what a master may write ahead of the reader
  static constexpr size_t kMaxOutput = 65536;

  LineDiscipline();
  const abi::Termios2& termios() const { return termios_; }
  void SetTermios(const abi::Termios2& termios, Effects& effects);

  // ---- master side ----
  // How many of the typed bytes were taken.
  size_t Input(std::string_view bytes, Effects& effects);
  size_t InputSpace() const;
  std::string TakeOutput(size_t max, Effects& effects);
  size_t OutputPending() const { return output_.size(); }

  // ---- slave side ----
  // How many bytes of a program's output were taken; 0 when there is no room or output is stopped.
  size_t Output(std::string_view bytes, Effects& effects);
  bool OutputHasSpace() const { return !stopped_ && output_.size() < kMaxOutput; }
  // As poll(2) sees it: in raw mode VMIN bytes when VTIME is 0, else one.
  bool InputReadable() const;
  // What one read(2) of `max` bytes gives. Not ready: it waits. `at_once`: takes what there is though VMIN is not met (O_NONBLOCK).
  // Differs from Linux: VMIN > 0 with VTIME > 0 reads without waiting for the inter-byte timer once a byte is there.
  struct Chunk {
    std::string bytes;
    bool ready = false;
  };
  Chunk TakeInput(size_t max, bool at_once, Effects& effects);
  size_t InputPending() const;  // FIONREAD: of whole lines in canonical mode

  void FlushInput(Effects& effects);
  void FlushOutput(Effects& effects);
  void StopOutput(Effects& effects);
  void StartOutput(Effects& effects);
  bool stopped() const { return stopped_; }
  // TCIOFF, TCION: sends VSTOP or VSTART to the other side.
  void SendControl(uint32_t cc_index, Effects& effects);

 private:
  struct Line {
    size_t length;  // bytes of it in input_; 0: an EOF character alone
  };
  bool InFlag(uint32_t bit) const { return (termios_.c_iflag & bit) != 0; }
  bool OutFlag(uint32_t bit) const { return (termios_.c_oflag & bit) != 0; }
  bool LocalFlag(uint32_t bit) const { return (termios_.c_lflag & bit) != 0; }
  bool canonical() const { return LocalFlag(abi::kICANON); }
  bool IsCc(uint8_t byte, uint32_t index) const { return termios_.c_cc[index] != 0 && byte == termios_.c_cc[index]; }
  void InputByte(uint8_t byte, Effects& effects);
  bool SignalByte(uint8_t byte, Effects& effects);
  bool FlowByte(uint8_t byte, Effects& effects);
  bool EditByte(uint8_t byte, Effects& effects);
  bool LineEnd(uint8_t byte, Effects& effects);
  void AddByte(uint8_t byte, Effects& effects);
  void EndLine(Effects& effects);
  void Erase(size_t keep, uint8_t by, bool visually);
  size_t WithoutLastCharacter() const;
  size_t WithoutLastWord() const;
  uint32_t ColumnAfter(std::string_view text) const;
  void Reprint();
  void Echo(uint8_t byte);
  void OutputByte(uint8_t byte);
  void Emit(std::string_view bytes);

  abi::Termios2 termios_;
  std::deque<char> input_;       // finished input: whole lines in canonical mode
  std::deque<Line> lines_;       // canonical mode: how input_ is divided
  std::string editing_;          // the line being typed
  uint32_t editing_column_ = 0;  // where it began on the screen
  bool literal_next_ = false;    // after VLNEXT
  std::deque<char> output_;
  uint32_t column_ = 0;
  bool stopped_ = false;
};

}  // namespace ringwall::tty
