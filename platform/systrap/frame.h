// Signal frames in contexts: what the host wrote when it stopped a guest thread, and what it will read when the thread goes on.
#pragma once

#include "platform/systrap/stub_thread.h"

namespace ringwall::platform::systrap {

// Copies the stub's claim once: registers, and the event that the signal means. False when it is nonsense.
bool ReadFrame(StubThread& thread, Event* event);
// The same for a rewritten call, or an interrupt on its way back: general registers only.
void ReadCall(StubThread& thread, bool interrupted, Event* event);
// False for segment bases that no program may load: the handler would fault on them.
bool CanReturn(const arch::Registers& regs);
// The other way, for a return to guest code.
void WriteFrame(StubThread& thread);
// A new thread's frame is its creator's, moved. Both are stopped.
void CopyFrame(const StubThread& creator, StubThread& child);
// The XSAVE area of `bytes`; null when the claim about where it is reaches out of the context.
std::byte* FpAreaOf(const StubThread& thread, size_t bytes);

}  // namespace ringwall::platform::systrap
