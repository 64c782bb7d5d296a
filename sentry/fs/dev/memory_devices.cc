// The memory devices of major 1: null(4), zero(4), full(4), random(4), urandom(4); and the console node.
#include <algorithm>

#include "abi/capability.h"
#include "abi/device.h"
#include "abi/random.h"
#include "sentry/context/random.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/dev/console_node.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/mm/memory_file.h"
#include "sentry/mm/shared_anonymous.h"
#include "sentry/mm/user_memory.h"
#include "sentry/vfs/special.h"

namespace ringwall::devfs {

namespace {

constexpr size_t kPiece = 16 << 10;
alignas(64) constexpr std::byte kZeros[kPiece] = {};
// As far as a mapping of /dev/zero can reach.
constexpr uint64_t kMappable = uint64_t{1} << 47;

// `put(n)` gives the next n bytes, n <= kPiece.
template <typename Next>
Result<size_t> Fill(Context& ctx, mm::IoSink& sink, Next next) {
  size_t total = 0;
  while (sink.remaining() != 0) {
    const absl::Span<const std::byte> bytes = next(std::min(sink.remaining(), kPiece));
    const Result<size_t> put = sink.Put(bytes);
    if (!put.ok()) return total != 0 ? Result<size_t>(total) : put;
    total += *put;
    if (*put < bytes.size() || ctx.SignalPending()) break;
  }
  return total;
}

size_t Swallow(mm::IoSource& source) {
  const size_t n = source.remaining();
  source.Skip(n);
  return n;
}

class MemoryDevice : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kDevice;
  MemoryDevice(const vfs::Path& path, uint32_t flags) : File(kKind, path, flags) {}
  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t) override { return readable() ? DoRead(ctx, sink) : Errno::kEBADF; }
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t) override { return writable() ? DoWrite(ctx, source) : Errno::kEBADF; }
  Result<size_t> Append(Context& ctx, mm::IoSource& source, uint64_t& end) override {
    end = 0;
    return PWrite(ctx, source, 0);
  }
  // No position: lseek(2) succeeds and gives 0.
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override { return PRead(ctx, sink, 0); }
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override { return PWrite(ctx, source, 0); }
  Result<int64_t> Seek(Context&, int64_t, int32_t) override { return int64_t{0}; }

 protected:
  virtual Result<size_t> DoRead(Context& ctx, mm::IoSink& sink) = 0;
  virtual Result<size_t> DoWrite(Context&, mm::IoSource& source) { return Swallow(source); }
};

class NullDevice final : public MemoryDevice {
 public:
  using MemoryDevice::MemoryDevice;
  Result<size_t> DoRead(Context&, mm::IoSink&) override { return size_t{0}; }
};

class ZeroDevice final : public MemoryDevice {
 public:
  using MemoryDevice::MemoryDevice;
  Result<size_t> DoRead(Context& ctx, mm::IoSink& sink) override {
    return Fill(ctx, sink, [](size_t n) { return absl::Span<const std::byte>(kZeros, n); });
  }
  // zero(4): each mapping is fresh memory, shared by whoever inherits the mapping.
  Result<Ref<mm::Mappable>> Mmap(Context&) override {
    Ref<mm::SharedAnonymous> memory = TRY(mm::SharedAnonymous::Create(kMappable));
    return Ref<mm::Mappable>(std::move(memory));
  }
};

class FullDevice final : public MemoryDevice {
 public:
  using MemoryDevice::MemoryDevice;
  Result<size_t> DoRead(Context& ctx, mm::IoSink& sink) override {
    return Fill(ctx, sink, [](size_t n) { return absl::Span<const std::byte>(kZeros, n); });
  }
  Result<size_t> DoWrite(Context&, mm::IoSource& source) override { return source.remaining() == 0 ? Result<size_t>(0) : Errno::kENOSPC; }
};

class RandomDevice final : public MemoryDevice {
 public:
  using MemoryDevice::MemoryDevice;
  Result<size_t> DoRead(Context& ctx, mm::IoSink& sink) override {
    std::byte buffer[1024];
    return Fill(ctx, sink, [&](size_t n) {
      const absl::Span<std::byte> out(buffer, std::min(n, sizeof buffer));
      RandomBytes(out);
      return absl::Span<const std::byte>(out);
    });
  }
  // Differs from Linux: what is written does not stir the host's pool.
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override {
    switch (command) {
      case abi::kRNDGETENTCNT: {
        TRY(ctx.memory().WriteValue(argument, int32_t{256}));
        return int64_t{0};
      }
      case abi::kRNDADDTOENTCNT:
      case abi::kRNDADDENTROPY:
      case abi::kRNDZAPENTCNT:
      case abi::kRNDCLEARPOOL:
      case abi::kRNDRESEEDCRNG: return ctx.creds().Has(abi::kCAP_SYS_ADMIN) ? Result<int64_t>(0) : Errno::kEPERM;
      default: return Errno::kENOTTY;
    }
  }
};

Result<Ref<vfs::File>> OpenMemoryDevice(Context& ctx, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request) {
  const vfs::Attributes attributes = TRY(inode.GetAttributes(ctx));
  switch (abi::Minor(attributes.rdev)) {
    case abi::kMEM_MINOR_NULL: return Ref<vfs::File>(MakeRef<NullDevice>(path, request.flags));
    case abi::kMEM_MINOR_ZERO: return Ref<vfs::File>(MakeRef<ZeroDevice>(path, request.flags));
    case abi::kMEM_MINOR_FULL: return Ref<vfs::File>(MakeRef<FullDevice>(path, request.flags));
    case abi::kMEM_MINOR_RANDOM:
    case abi::kMEM_MINOR_URANDOM: return Ref<vfs::File>(MakeRef<RandomDevice>(path, request.flags));
    default: return Errno::kENXIO;
  }
}

// A console belongs to the node that boot made: a node of the same number that a guest makes opens nothing.
Result<Ref<vfs::File>> OpenConsole(Context& ctx, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request) {
  const RefPtr<RefCounted> attachment = inode.attachment();
  if (!attachment) return Errno::kENXIO;
  return static_cast<ConsoleNode&>(*attachment).open(ctx, path, request.flags);
}

}  // namespace

void RegisterDevices() {
  for (const uint32_t minor :
       {abi::kMEM_MINOR_NULL, abi::kMEM_MINOR_ZERO, abi::kMEM_MINOR_FULL, abi::kMEM_MINOR_RANDOM, abi::kMEM_MINOR_URANDOM}) {
    vfs::RegisterCharDevice(abi::kMEM_MAJOR, minor, 1, OpenMemoryDevice);
  }
  vfs::RegisterCharDevice(abi::kTTYAUX_MAJOR, abi::kTTYAUX_MINOR_CONSOLE, 1, OpenConsole);
}

}  // namespace ringwall::devfs
