// Makers of arguments: typed, mostly right, sometimes at a border, sometimes nonsense.
#pragma once

#include <cstdio>

#include "tests/random/guest/guest.h"

namespace ringwall::random_calls {

// One of these; now and then something else.
template <auto... Values>
uint64_t OneOf() {
  constexpr uint64_t kValues[] = {static_cast<uint64_t>(Values)...};
  uint64_t value = kValues[random.Below(sizeof...(Values))];
  if (random.Chance(3)) value ^= uint64_t{1} << random.Below(32);
  Note("%#lx", static_cast<unsigned long>(value));
  return value;
}
// Exactly one of these: where anything else would hurt the test itself.
template <auto... Values>
uint64_t Only() {
  constexpr uint64_t kValues[] = {static_cast<uint64_t>(Values)...};
  const uint64_t value = kValues[random.Below(sizeof...(Values))];
  Note("%#lx", static_cast<unsigned long>(value));
  return value;
}
// Any of these together; now and then a bit more.
template <auto... Values>
uint64_t FlagsOf() {
  constexpr uint64_t kValues[] = {static_cast<uint64_t>(Values)...};
  uint64_t value = 0;
  for (const uint64_t one : kValues) value |= random.Below(sizeof...(Values) + 1) < 1 + sizeof...(Values) / 4 ? one : 0;
  if (random.Chance(3)) value ^= uint64_t{1} << random.Below(32);
  Note("%#lx", static_cast<unsigned long>(value));
  return value;
}
// First one of the first three (an access mode), then flags.
uint64_t OpenFlags();

uint64_t Fd();
uint64_t NewFd();
uint64_t DirFd();
uint64_t Path();
uint64_t AttributeName();
uint64_t QueueName();
uint64_t Out();    // a buffer that is written to, as long as kBuffers
uint64_t In();     // a buffer that is read
uint64_t Size();   // of a buffer
uint64_t Small();  // a count of things
uint64_t Offset();
uint64_t Int();  // any number
uint64_t Null();
uint64_t Signal();
uint64_t Process();
uint64_t Thread();
uint64_t Id();  // user or group
uint64_t PermissionBits();
uint64_t FileType();
uint64_t Pages();      // an address in the playground
uint64_t PageBytes();  // a length in it
uint64_t Break();
uint64_t ShmId();
uint64_t SemId();
uint64_t MsgId();
uint64_t Key();
uint64_t WatchId();
uint64_t TimerId();
uint64_t Futex();

uint64_t Timespec();  // a short wait, or nonsense
uint64_t TimespecPair();
uint64_t TimevalPair();
uint64_t Timeval();
uint64_t Utimbuf();
uint64_t Itimerval();
uint64_t Itimerspec();
uint64_t SignalSet();
uint64_t SetSize();
uint64_t SignalAction();
uint64_t SignalInfo();
uint64_t SignalStack();
uint64_t SignalEvent();
uint64_t Iovec();
uint64_t SocketAddress();
uint64_t AddressLength();
uint64_t LengthPointer();
uint64_t MessageHeader();
uint64_t PollFds();
uint64_t FdSet();
uint64_t EpollEvent();
uint64_t Rlimit();
uint64_t SemOps();
uint64_t MessageText();
uint64_t OpenHow();
uint64_t SchedParam();
uint64_t SchedAttr();
uint64_t CapHeader();
uint64_t CapData();
uint64_t Groups();
uint64_t OffsetPointer();
uint64_t IntPointer();
uint64_t QueueAttributes();
uint64_t FcntlArgument();
uint64_t IoctlArgument();
uint64_t OptionValue();
uint64_t XattrArgs();
uint64_t BigOut();  // a structure that is written, nothing in it is compared

}  // namespace ringwall::random_calls
