// Test bench for platforms.
#include "platform/conformance/world.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

extern "C" const std::byte conformance_code_begin[], conformance_code_end[];

namespace ringwall::platform::conformance {

uint64_t At(const std::byte* program) { return kCodeBase + static_cast<uint64_t>(program - conformance_code_begin); }

MemoryOp MapAnonymous(uint64_t address, uint64_t length, Prot prot) {
  return MemoryOp{.kind = MemoryOp::Kind::kMap, .address = address, .length = length, .prot = prot};
}

MemoryOp MapFile(uint64_t address, uint64_t length, SharedFd& file, uint64_t offset, bool shared, Prot prot) {
  return MemoryOp{
      .kind = MemoryOp::Kind::kMap, .address = address, .length = length, .prot = prot, .shared = shared, .file = &file, .offset = offset};
}

Guest::~Guest() { thread.reset(); }

Verdict Guest::OnEvent(GuestThread& guest_thread, const Event& event) {
  if (handler) return handler(guest_thread, event);
  const std::lock_guard lock(mu_);
  event_ = event;
  has_event_ = true;
  changed_.notify_all();
  return Verdict::kPark;
}

std::optional<Event> Guest::NextWithin(std::chrono::milliseconds limit) {
  std::unique_lock lock(mu_);
  if (!changed_.wait_for(lock, limit, [&] { return has_event_; })) return std::nullopt;
  has_event_ = false;
  return event_;
}

Event Guest::Next() {
  const std::optional<Event> event = NextWithin(std::chrono::seconds(30));
  if (event) return *event;
  ADD_FAILURE() << "no event";
  return Event{EventKind::kExited, -1};
}

Event Guest::Go() {
  thread->Resume();
  return Next();
}

void Guest::GoCall() {
  const Event event = Go();
  EXPECT_EQ(event.kind, EventKind::kSyscall) << "signal " << event.signo << " address " << std::hex << event.fault_address;
}

Event Guest::Run(const std::byte* program, uint64_t rdi, uint64_t rsi) {
  regs().rip = At(program);
  regs().rdi = rdi;
  regs().rsi = rsi;
  return Go();
}

std::unique_ptr<Guest> Guest::Fork() {
  auto child = std::make_unique<Guest>(world_);
  auto forked = world_.platform().Fork(*thread, *child);
  EXPECT_TRUE(forked.ok()) << ErrnoName(forked.error());
  if (!forked.ok()) return nullptr;
  child->thread = std::move(*forked);
  return child;
}

std::unique_ptr<Guest> Guest::Clone() {
  auto child = std::make_unique<Guest>(world_);
  auto cloned = world_.platform().NewThread(*thread, *child);
  EXPECT_TRUE(cloned.ok()) << ErrnoName(cloned.error());
  if (!cloned.ok()) return nullptr;
  child->thread = std::move(*cloned);
  return child;
}

uint64_t Guest::Peek(uint64_t address) {
  uint64_t value = ~uint64_t{0};
  EXPECT_EQ(space().Read(address, absl::MakeSpan(reinterpret_cast<std::byte*>(&value), sizeof(value))), sizeof(value));
  return value;
}

bool Guest::Poke(uint64_t address, uint64_t value) {
  return space().Write(address, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&value), sizeof(value))) == sizeof(value);
}

void World::Drive(const std::function<void()>& body) {
  std::thread driver([&] {
    body();
    platform_->Shutdown();
  });
  platform_->Run();
  driver.join();
}

std::unique_ptr<Guest> World::NewGuest() {
  auto guest = std::make_unique<Guest>(*this);
  arch::Registers initial{};
  initial.orig_rax = ~uint64_t{0};
  initial.rip = At(code_call_loop);
  initial.rsp = kStackTop - 64;
  initial.cs = arch::kUserCodeSelector;
  initial.ss = arch::kUserDataSelector;
  initial.eflags = arch::kFlagsAlwaysSet;
  auto made = platform_->NewProcess(*guest, initial);
  EXPECT_TRUE(made.ok()) << ErrnoName(made.error());
  if (!made.ok()) return nullptr;
  guest->thread = std::move(*made);
  const size_t code_bytes = static_cast<size_t>(conformance_code_end - conformance_code_begin);
  if (!code_) {
    Ref<SharedFd> code = MemoryFile(code_bytes);
    EXPECT_EQ(pwrite(code->get(), conformance_code_begin, code_bytes, 0), static_cast<ssize_t>(code_bytes));
    code_ = code;
  }
  const MemoryOp ops[] = {
      MapFile(kCodeBase, code_bytes, *code_.get(), 0, false, Prot{.read = true, .exec = true}),
      MapAnonymous(kData, kDataBytes),
      MapAnonymous(kStackTop - kStackBytes, kStackBytes),
  };
  const Result<void> mapped = guest->space().Apply(ops, guest->thread.get());
  EXPECT_TRUE(mapped.ok()) << ErrnoName(mapped.error());
  return guest;
}

Ref<SharedFd> World::MemoryFile(size_t bytes) {
  const int fd = memfd_create("conformance", MFD_CLOEXEC);
  EXPECT_GE(fd, 0);
  EXPECT_EQ(ftruncate(fd, static_cast<off_t>(bytes)), 0);
  return MakeRef<SharedFd>(UniqueFd(fd));
}

}  // namespace ringwall::platform::conformance
