// What a process's memory looks like and holds: proc_pid_maps(5), proc_pid_smaps(5), proc_pid_mem(5), proc_pid_cmdline(5).
#include <algorithm>
#include <utility>
#include <vector>

#include "abi/device.h"
#include "absl/strings/str_format.h"
#include "sentry/fs/proc/instance.h"

namespace ringwall::proc {
namespace {

constexpr uint64_t kPage = 4096;
// A command line or environment may be as long as execve(2) allows; nobody gets more in one go.
constexpr uint64_t kMaxStrings = 4 << 20;
constexpr size_t kBounce = 64 << 10;

std::string ReadRange(mm::MemoryManager& mm, uint64_t start, uint64_t end) {
  if (end <= start || end > mm.space().end()) return "";
  std::string text(std::min(end - start, kMaxStrings), '\0');
  const size_t got = mm.space().Read(start, absl::Span<std::byte>(reinterpret_cast<std::byte*>(text.data()), text.size()));
  text.resize(got);
  return text;
}

// A zombie's memory is gone: its files are empty.
Result<RefPtr<mm::MemoryManager>> MemoryOrNone(const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  return task->ShareMm();
}

std::string NameOf(const mm::Vma& vma) {
  if (!vma.name.empty()) return vma.name;
  return vma.file ? Escape(vma.file->Name(), "\n") : "";
}

void AppendMapLine(const mm::Vma& vma, std::string& out) {
  const size_t begin = out.size();
  mm::Mappable::Identity identity;
  if (vma.file) identity = vma.file->identity();
  absl::StrAppendFormat(&out, "%08x-%08x %c%c%c%c %08x %02x:%02x %u ", vma.start, vma.end, vma.prot.read ? 'r' : '-',
                        vma.prot.write ? 'w' : '-', vma.prot.exec ? 'x' : '-', vma.shared ? 's' : 'p', vma.file ? vma.offset : 0,
                        abi::Major(identity.dev), abi::Minor(identity.dev), identity.ino);
  const std::string name = NameOf(vma);
  if (!name.empty()) {
    // Names start in column 74.
    const size_t width = out.size() - begin;
    out.append(width < 73 ? 73 - width : 0, ' ').append(name);
  }
  out += '\n';
}

// Resident bytes of a VMA; 0 where the platform can't tell.
uint64_t ResidentBytes(Context& ctx, mm::MemoryManager& mm, const mm::Vma& vma) {
  // Reserved address ranges can be huge and hold nothing.
  if (!vma.prot.read && !vma.prot.write && !vma.prot.exec) return 0;
  constexpr uint64_t kChunkPages = 64 << 10;
  task::Task* reader = ctx.AsTask();
  platform::GuestThread* via = reader != nullptr && &reader->mm() == &mm ? &reader->thread() : nullptr;
  std::vector<uint8_t> pages;
  uint64_t resident = 0;
  for (uint64_t at = vma.start; at < vma.end && !ctx.SignalPending(); at += pages.size() * kPage) {
    pages.assign(std::min((vma.end - at) / kPage, kChunkPages), 0);
    if (pages.empty() || !mm.space().Resident(at, absl::MakeSpan(pages), via).ok()) break;
    resident += static_cast<uint64_t>(std::count_if(pages.begin(), pages.end(), [](uint8_t page) { return (page & 1) != 0; })) * kPage;
  }
  return resident;
}

// Sharers of a page are not counted: every page of a private mapping is taken as the process's own.
struct Sums {
  uint64_t size = 0, anonymous = 0, locked = 0;
  uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
  uint64_t resident() const { return shared_clean + shared_dirty + private_clean + private_dirty; }
  void Add(const Sums& o) {
    size += o.size;
    anonymous += o.anonymous;
    locked += o.locked;
    shared_clean += o.shared_clean;
    shared_dirty += o.shared_dirty;
    private_clean += o.private_clean;
    private_dirty += o.private_dirty;
  }
};

Sums Measure(Context& ctx, mm::MemoryManager& mm, const mm::Vma& vma) {
  Sums s;
  s.size = vma.length();
  const uint64_t resident = ResidentBytes(ctx, mm, vma);
  const bool dirty = vma.prot.write || vma.anonymous();
  if (vma.shared) {
    (dirty ? s.shared_dirty : s.shared_clean) = resident;
  } else {
    (dirty ? s.private_dirty : s.private_clean) = resident;
  }
  if (vma.anonymous()) s.anonymous = resident;
  if (vma.locked) s.locked = resident;
  return s;
}

void AppendSums(const Sums& s, bool rollup, std::string& out) {
  const auto kib = [&](const char* name, uint64_t bytes) { absl::StrAppendFormat(&out, "%-16s%8u kB\n", name, bytes / 1024); };
  if (!rollup) {
    kib("Size:", s.size);
    kib("KernelPageSize:", kPage);
    kib("MMUPageSize:", kPage);
  }
  kib("Rss:", s.resident());
  kib("Pss:", s.resident());
  kib("Pss_Dirty:", s.shared_dirty + s.private_dirty);
  kib("Shared_Clean:", s.shared_clean);
  kib("Shared_Dirty:", s.shared_dirty);
  kib("Private_Clean:", s.private_clean);
  kib("Private_Dirty:", s.private_dirty);
  kib("Referenced:", s.resident());
  kib("Anonymous:", s.anonymous);
  for (const char* name : {"KSM:", "LazyFree:", "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:",
                           "Private_Hugetlb:", "Swap:", "SwapPss:"}) {
    kib(name, 0);
  }
  kib("Locked:", s.locked);
}

std::string VmFlags(const mm::Vma& vma) {
  std::string out = "VmFlags:";
  const auto flag = [&](bool on, const char* name) {
    if (on) out.append(" ").append(name);
  };
  flag(vma.prot.read, "rd");
  flag(vma.prot.write, "wr");
  flag(vma.prot.exec, "ex");
  flag(vma.shared, "sh");
  flag(vma.max_prot.read, "mr");
  flag(vma.max_prot.write, "mw");
  flag(vma.max_prot.exec, "me");
  flag(vma.shared && vma.max_prot.write, "ms");
  flag(vma.grows_down, "gd");
  flag(vma.locked, "lo");
  flag(vma.no_reserve, "nr");
  flag(vma.dont_fork, "dc");
  flag(vma.wipe_on_fork, "wf");
  flag(vma.dont_dump, "dd");
  flag(vma.sealed, "sl");
  return out + " \n";
}

// The memory as a file: offsets are addresses. Page protections of private memory do not hold, as for ptrace(2).
class MemFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kOther;
  MemFile(Ref<mm::MemoryManager> mm, const vfs::Path& path, uint32_t flags) : File(kKind, path, flags), mm_(std::move(mm)) {}

  Result<size_t> PRead(Context&, mm::IoSink& sink, uint64_t offset) override {
    if (!readable()) return Errno::kEBADF;
    std::vector<std::byte> bounce(std::min(sink.remaining(), kBounce));
    size_t done = 0;
    while (sink.remaining() > 0) {
      const size_t want = Bound(offset, std::min(sink.remaining(), bounce.size()));
      const size_t got = want == 0 ? 0 : mm_->ReadForced(offset, absl::MakeSpan(bounce).first(want), nullptr);
      if (got == 0) break;
      auto put = sink.Put(absl::MakeConstSpan(bounce).first(got));
      if (!put.ok()) return done > 0 ? Result<size_t>(done) : Result<size_t>(put.error());
      done += *put;
      offset += *put;
      if (*put < want) return done;
    }
    if (done == 0 && sink.remaining() > 0) return Errno::kEIO;
    return done;
  }

  Result<size_t> PWrite(Context&, mm::IoSource& source, uint64_t offset) override {
    if (!writable()) return Errno::kEBADF;
    std::vector<std::byte> bounce(std::min(source.remaining(), kBounce));
    size_t done = 0;
    while (source.remaining() > 0) {
      auto got = source.Peek(absl::MakeSpan(bounce).first(std::min(source.remaining(), bounce.size())));
      if (!got.ok()) return done > 0 ? Result<size_t>(done) : Result<size_t>(got.error());
      const size_t want = Bound(offset, *got);
      const size_t put = want == 0 ? 0 : mm_->WriteForced(offset, absl::MakeConstSpan(bounce).first(want), nullptr);
      if (put == 0) break;
      source.Skip(put);
      done += put;
      offset += put;
      if (put < *got) return done;
    }
    if (done == 0 && source.remaining() > 0) return Errno::kEIO;
    return done;
  }

  Result<int64_t> Seek(Context&, int64_t offset, int32_t whence) override {
    auto to = static_cast<uint64_t>(offset);
    if (whence == abi::kSEEK_CUR) {
      to += position();
    } else if (whence != abi::kSEEK_SET) {
      return Errno::kEINVAL;
    }
    SetPosition(to);
    return static_cast<int64_t>(to);
  }

 private:
  size_t Bound(uint64_t offset, size_t length) const {
    const uint64_t end = mm_->space().end();
    return offset >= end ? 0 : static_cast<size_t>(std::min<uint64_t>(length, end - offset));
  }
  const Ref<mm::MemoryManager> mm_;
};

}  // namespace

Result<std::string> CmdlineText(Context&, const Subject& subject) {
  const RefPtr<mm::MemoryManager> mm = TRY(MemoryOrNone(subject));
  if (!mm) return std::string();
  const mm::Layout layout = mm->layout();
  std::string text = ReadRange(*mm, layout.arg_start, layout.arg_end);
  // setproctitle(3): a program that wrote over the last NUL shows one string up to the first, which may lie in what was the environment.
  if (!text.empty() && text.size() == layout.arg_end - layout.arg_start && text.back() != '\0') {
    if (layout.env_start == layout.arg_end) text += ReadRange(*mm, layout.env_start, layout.env_end);
    text.resize(std::min(text.find('\0'), text.size()));
  }
  return text;
}

Result<std::string> EnvironText(Context&, const Subject& subject) {
  const RefPtr<mm::MemoryManager> mm = TRY(MemoryOrNone(subject));
  if (!mm) return std::string();
  const mm::Layout layout = mm->layout();
  return ReadRange(*mm, layout.env_start, layout.env_end);
}

Result<std::string> AuxvText(Context&, const Subject& subject) {
  const RefPtr<mm::MemoryManager> mm = TRY(MemoryOrNone(subject));
  if (!mm) return std::string();
  const mm::Layout layout = mm->layout();
  return std::string(reinterpret_cast<const char*>(layout.auxv.data()), layout.auxv.size() * sizeof(uint64_t));
}

Result<std::string> MapsText(Context&, const Subject& subject) {
  const RefPtr<mm::MemoryManager> mm = TRY(MemoryOrNone(subject));
  std::string out;
  if (!mm) return out;
  for (const mm::Vma& vma : mm->Vmas()) AppendMapLine(vma, out);
  return out;
}

Result<std::string> SmapsText(Context& ctx, const Subject& subject) {
  const RefPtr<mm::MemoryManager> mm = TRY(MemoryOrNone(subject));
  std::string out;
  if (!mm) return out;
  for (const mm::Vma& vma : mm->Vmas()) {
    AppendMapLine(vma, out);
    AppendSums(Measure(ctx, *mm, vma), false, out);
    out += "THPeligible:           0\n" + VmFlags(vma);
  }
  return out;
}

Result<std::string> SmapsRollupText(Context& ctx, const Subject& subject) {
  const RefPtr<mm::MemoryManager> mm = TRY(MemoryOrNone(subject));
  if (!mm) return Errno::kESRCH;
  const std::vector<mm::Vma> vmas = mm->Vmas();
  Sums sums;
  for (const mm::Vma& vma : vmas) sums.Add(Measure(ctx, *mm, vma));
  std::string out =
      absl::StrFormat("%08x-%08x ---p 00000000 00:00 0 ", vmas.empty() ? 0 : vmas.front().start, vmas.empty() ? 0 : vmas.back().end);
  out.append(out.size() < 73 ? 73 - out.size() : 0, ' ').append("[rollup]\n");
  AppendSums(sums, true, out);
  return out;
}

Result<Ref<kit::Node>> MakeMem(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  auto open = [subject](Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) -> Result<Ref<vfs::File>> {
    TRY(subject.CheckAttachable(ctx));
    Ref<mm::MemoryManager> mm = TRY(subject.Memory());
    return Ref<vfs::File>(MakeRef<MemFile>(std::move(mm), path, request.flags));
  };
  return Ref<kit::Node>(MakeRef<kit::CustomFile>(fs, abi::kS_IFREG, std::move(options), std::move(open)));
}

}  // namespace ringwall::proc
