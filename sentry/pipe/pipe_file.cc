// The ends of pipes and FIFOs as open files, and how they are opened.
#include <utility>

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "absl/strings/str_cat.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/mm/user_memory.h"
#include "sentry/pipe/pipe.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/special.h"

namespace ringwall::pipe {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;

Ref<RefCounted> NewPipe() { return MakeRef<Pipe>(); }

}  // namespace

PipeFile::PipeFile(Ref<Pipe> pipe, vfs::Path path, uint32_t flags)
    : File(kKind, std::move(path), flags), pipe_(std::move(pipe)), name_(this->path() ? this->path().dentry->name() : "pipe") {
  pipe_->AddEnd(readable(), writable());
}

PipeFile::~PipeFile() { pipe_->DropEnd(readable(), writable()); }

Result<size_t> PipeFile::Read(Context&, mm::IoSink& sink) {
  if (!readable()) return Errno::kEBADF;
  return pipe_->Read(sink);
}

Result<size_t> PipeFile::Write(Context&, mm::IoSource& source) {
  if (!writable()) return Errno::kEBADF;
  return pipe_->Write(source, (flags() & abi::kO_DIRECT) != 0);
}

Result<size_t> PipeFile::PRead(Context&, mm::IoSink&, uint64_t) { return Errno::kESPIPE; }
Result<size_t> PipeFile::PWrite(Context&, mm::IoSource&, uint64_t) { return Errno::kESPIPE; }

Result<int64_t> PipeFile::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  if (command != abi::kFIONREAD) return Errno::kENOTTY;
  TRY(ctx.memory().WriteValue<int32_t>(argument, static_cast<int32_t>(pipe_->BytesReadable())));
  return int64_t{0};
}

wait::EventMask PipeFile::Readiness(wait::EventMask mask) {
  wait::EventMask ready = 0;
  MutexLock lock(pipe_->mu_);
  if (readable()) {
    if (!pipe_->buffers_.empty()) ready |= kIn;
    // A FIFO opened without waiting that never had a writer is quiet (poll(2)).
    if (pipe_->writers_ == 0 && pipe_->writer_opens_ != writer_opens_at_open_) ready |= abi::kPOLLHUP;
  }
  if (writable()) {
    if (!pipe_->FullLocked()) ready |= kOut;
    if (pipe_->readers_ == 0) ready |= abi::kPOLLERR;
  }
  return ready & (mask | abi::kPOLLERR | abi::kPOLLHUP);
}

Result<std::pair<Ref<vfs::File>, Ref<vfs::File>>> MakePipe(Context& ctx, uint32_t flags) {
  if ((flags & ~(abi::kO_NONBLOCK | abi::kO_DIRECT | abi::kO_CLOEXEC)) != 0) return Errno::kEINVAL;
  const Ref<Pipe> pipe = MakeRef<Pipe>(Pipe::Kind::kAnonymous);
  const Ref<anon::AnonInode> inode = MakeRef<anon::AnonInode>(anon::PipeFs(), ctx, abi::kS_IFIFO | 0600);
  // So that opening /proc/PID/fd/N finds this pipe.
  inode->SetAttachment(pipe);
  const vfs::Path path = vfs::AnonymousPath(inode, absl::StrCat("pipe:[", inode->ino(), "]"));
  const uint32_t status = flags & (abi::kO_NONBLOCK | abi::kO_DIRECT);
  Ref<vfs::File> reader = MakeRef<PipeFile>(pipe, path, abi::kO_RDONLY | (status & abi::kO_NONBLOCK));
  Ref<vfs::File> writer = MakeRef<PipeFile>(pipe, path, abi::kO_WRONLY | status);
  return std::pair<Ref<vfs::File>, Ref<vfs::File>>(std::move(reader), std::move(writer));
}

Result<Ref<vfs::File>> OpenFifo(Context&, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request) {
  const Ref<RefCounted> attached = inode.AttachOnce(&NewPipe);
  // Nothing but a Pipe is ever attached to an inode of type S_IFIFO.
  const Ref<Pipe> pipe(static_cast<Pipe&>(*attached));
  const bool nonblocking = (request.flags & abi::kO_NONBLOCK) != 0;
  const bool reader = request.read();
  const bool writer = request.write();
  // An end of pipe2(2) opened again through /proc/PID/fd waits for nobody: no writer is the end of the file.
  if (pipe->kind_ == Pipe::Kind::kAnonymous) return Ref<vfs::File>(MakeRef<PipeFile>(pipe, path, request.flags));
  const Pipe::Ends ends = pipe->ends();
  if (writer && !reader && nonblocking && ends.readers == 0) return Errno::kENXIO;
  Ref<PipeFile> file = MakeRef<PipeFile>(pipe, path, request.flags);
  // With a writer there, its leaving is a hang-up; otherwise one has to come first.
  file->writer_opens_at_open_ = ends.writers != 0 ? 0 : ends.writer_opens;
  if (!nonblocking && reader != writer && (reader ? ends.writers : ends.readers) == 0) {
    file->open_state_.file_ = file.get();
    file->open_state_.seen_ = reader ? ends.writer_opens : ends.reader_opens;
  }
  return Ref<vfs::File>(std::move(file));
}

void RegisterFifos() { vfs::RegisterNodeOpener(abi::kS_IFIFO, &OpenFifo); }

bool FifoOpenState::done() {
  if (file_ == nullptr) return true;
  const Pipe::Ends ends = file_->pipe_->ends();
  return file_->readable() ? ends.writers != 0 || ends.writer_opens != seen_ : ends.readers != 0 || ends.reader_opens != seen_;
}

void FifoOpenState::AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) {
  if (file_ != nullptr) file_->pipe_->open_queue_.Add(waiter, mask, exclusive);
}

void FifoOpenState::RemoveWaiter(wait::Waiter& waiter) {
  if (file_ != nullptr) file_->pipe_->open_queue_.Remove(waiter);
}

FifoOpenState* PendingOpen(vfs::File& file) {
  auto* pipe_file = file.As<PipeFile>();
  if (pipe_file == nullptr || pipe_file->open_state_.done()) return nullptr;
  return &pipe_file->open_state_;
}

Result<int64_t> SetCapacity(Context&, vfs::File& file, uint64_t bytes) {
  auto* pipe_file = file.As<PipeFile>();
  if (pipe_file == nullptr) return Errno::kEBADF;
  // The argument is an unsigned int (fcntl(2)).
  const size_t capacity = TRY(pipe_file->pipe().SetCapacity(static_cast<uint32_t>(bytes)));
  return static_cast<int64_t>(capacity);
}

Result<int64_t> GetCapacity(vfs::File& file) {
  auto* pipe_file = file.As<PipeFile>();
  if (pipe_file == nullptr) return Errno::kEBADF;
  return static_cast<int64_t>(pipe_file->pipe().capacity());
}

}  // namespace ringwall::pipe
