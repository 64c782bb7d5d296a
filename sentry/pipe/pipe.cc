// The ring of a pipe: reads take buffers out before they copy, writes copy before they put in, so that no lock is held over guest memory.
#include "sentry/pipe/pipe.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "abi/limits.h"
#include "abi/poll.h"

namespace ringwall::pipe {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
// The most that one pass of a large write copies in before it takes the lock.
constexpr size_t kLargeChunk = 64 << 10;
// A buffer may pin a chunk this many times its size; beyond that it is copied when it changes its pipe.
constexpr size_t kMaxPinFactor = 4;

size_t SlotsFor(size_t bytes) { return (bytes + kPageSize - 1) / kPageSize; }

}  // namespace

void Pipe::CollectLocked(size_t max, std::deque<Buffer>& out) {
  size_t taken = 0;
  while (taken < max && !buffers_.empty()) {
    Buffer& front = buffers_.front();
    if (front.packet) {
      // One packet a read; what does not fit is lost (pipe(2), O_DIRECT).
      if (!out.empty()) break;
      bytes_ -= front.length;
      front.length = static_cast<uint32_t>(std::min<size_t>(front.length, max));
      out.push_back(std::move(front));
      buffers_.pop_front();
      break;
    }
    const size_t n = std::min<size_t>(front.length, max - taken);
    bytes_ -= n;
    taken += n;
    if (n == front.length) {
      front.mergeable = false;
      out.push_back(std::move(front));
      buffers_.pop_front();
    } else {
      // The rest stays and may still grow: bytes behind its end are nobody else's.
      Buffer part = front;
      part.length = static_cast<uint32_t>(n);
      part.mergeable = false;
      out.push_back(std::move(part));
      front.offset += static_cast<uint32_t>(n);
      front.length -= static_cast<uint32_t>(n);
    }
  }
}

Result<std::deque<Buffer>> Pipe::Take(size_t max) {
  std::deque<Buffer> out;
  bool was_full;
  {
    MutexLock lock(mu_);
    if (buffers_.empty()) {
      if (writers_ != 0) return Errno::kEAGAIN;
      return out;
    }
    was_full = FullLocked();
    CollectLocked(max, out);
    was_full = was_full && !FullLocked();
  }
  if (was_full) queue_.Notify(kOut);
  return out;
}

void Pipe::PutBack(std::deque<Buffer> rest) {
  if (rest.empty()) return;
  {
    MutexLock lock(mu_);
    // Perhaps over the limit for a moment: these bytes were inside before.
    for (auto it = rest.rbegin(); it != rest.rend(); ++it) {
      bytes_ += it->length;
      buffers_.push_front(std::move(*it));
    }
  }
  queue_.Notify(kIn);
}

Result<size_t> Pipe::Read(mm::IoSink& sink) {
  if (sink.remaining() == 0) return size_t{0};
  std::deque<Buffer> taken = TRY(Take(sink.remaining()));
  size_t done = 0;
  while (!taken.empty()) {
    Buffer& front = taken.front();
    const Result<size_t> put = sink.Put(front.bytes());
    const size_t n = put.ok() ? *put : 0;
    done += n;
    if (n < front.length) {
      front.offset += static_cast<uint32_t>(n);
      front.length -= static_cast<uint32_t>(n);
      PutBack(std::move(taken));
      if (done == 0) return put.ok() ? Errno::kEFAULT : put.error();
      return done;
    }
    // Keep one page for the next small write.
    RefPtr<Chunk> old = std::move(front.chunk);
    taken.pop_front();
    if (old->capacity() == kPageSize && old->ref_count() == 1) {
      MutexLock lock(mu_);
      if (!spare_) spare_ = std::move(old);
    }
  }
  return done;
}

bool Pipe::MergeLocked(absl::Span<const std::byte> bytes) {
  if (buffers_.empty()) return false;
  Buffer& last = buffers_.back();
  const size_t end = size_t{last.offset} + last.length;
  if (!last.mergeable || bytes.size() > last.chunk->capacity() - end) return false;
  std::memcpy(last.chunk->data() + end, bytes.data(), bytes.size());
  last.length += static_cast<uint32_t>(bytes.size());
  bytes_ += bytes.size();
  return true;
}

// At most PIPE_BUF bytes: all or nothing.
Result<size_t> Pipe::WriteSmall(mm::IoSource& source, size_t n, bool packets) {
  std::array<std::byte, kPageSize> copy;  // NOLINT: filled below
  const size_t copied = TRY(source.Peek({copy.data(), n}));
  if (copied == 0) return Errno::kEFAULT;
  RefPtr<Chunk> fresh;
  {
    MutexLock lock(mu_);
    if (readers_ == 0) return Errno::kEPIPE;
    if (packets || !MergeLocked({copy.data(), copied})) {
      if (FullLocked()) return Errno::kEAGAIN;
      fresh = std::move(spare_);
      if (!fresh) fresh = MakeRef<Chunk>(kPageSize);
      std::memcpy(fresh->data(), copy.data(), copied);
      buffers_.push_back(
          {.chunk = std::move(fresh).ToRef(), .length = static_cast<uint32_t>(copied), .mergeable = !packets, .packet = packets});
      bytes_ += copied;
    }
  }
  source.Skip(copied);
  return copied;
}

// More than PIPE_BUF: as many whole slots as there are.
Result<size_t> Pipe::WriteLarge(mm::IoSource& source, size_t n) {
  size_t free_slots;
  {
    MutexLock lock(mu_);
    if (readers_ == 0) return Errno::kEPIPE;
    if (FullLocked()) return Errno::kEAGAIN;
    free_slots = slots_ - buffers_.size();
  }
  n = std::min({n, free_slots * kPageSize, kLargeChunk});
  const Ref<Chunk> chunk = MakeRef<Chunk>(n);
  const size_t copied = TRY(source.Peek({chunk->data(), n}));
  if (copied == 0) return Errno::kEFAULT;
  size_t done = 0;
  {
    MutexLock lock(mu_);
    if (readers_ == 0) return Errno::kEPIPE;
    while (done < copied && !FullLocked()) {
      const size_t length = std::min<size_t>(copied - done, kPageSize);
      buffers_.push_back({.chunk = chunk, .offset = static_cast<uint32_t>(done), .length = static_cast<uint32_t>(length)});
      done += length;
    }
    bytes_ += done;
  }
  if (done == 0) return Errno::kEAGAIN;
  source.Skip(done);
  return done;
}

Result<size_t> Pipe::Write(mm::IoSource& source, bool packets) {
  // Nothing to write is no write, even without readers (pipe_write).
  if (source.remaining() == 0) return size_t{0};
  size_t done = 0;
  Errno error = Errno::kEAGAIN;
  bool stop = false;
  while (!stop && source.remaining() != 0) {
    const size_t left = source.remaining();
    Result<size_t> step =
        left <= abi::kPIPE_BUF || packets ? WriteSmall(source, std::min(left, abi::kPIPE_BUF), packets) : WriteLarge(source, left);
    if (step.ok()) {
      done += *step;
      // A fault behind these bytes: the next turn would report it, but the count goes first.
      queue_.Notify(kIn);
    } else {
      error = step.error();
      stop = true;
    }
  }
  if (done == 0) return error;
  return done;
}

Result<size_t> Pipe::Append(std::deque<Buffer>& buffers) {
  size_t done = 0;
  {
    MutexLock lock(mu_);
    if (readers_ == 0) return Errno::kEPIPE;
    while (!buffers.empty() && !FullLocked()) {
      done += buffers.front().length;
      buffers_.push_back(std::move(buffers.front()));
      buffers.pop_front();
    }
    bytes_ += done;
  }
  if (done == 0) return Errno::kEAGAIN;
  queue_.Notify(kIn);
  return done;
}

void Pipe::AppendAnyway(std::deque<Buffer> buffers) {
  {
    MutexLock lock(mu_);
    for (Buffer& buffer : buffers) {
      bytes_ += buffer.length;
      buffers_.push_back(std::move(buffer));
    }
  }
  queue_.Notify(kIn);
}

Result<size_t> Pipe::Move(Pipe& from, Pipe& to, size_t max, bool keep) {
  if (&from == &to) return Errno::kEINVAL;
  if (max == 0) return size_t{0};
  // Both at once, the lower address first.
  Pipe& first = &from < &to ? from : to;
  Pipe& second = &from < &to ? to : from;
  size_t done = 0;
  bool made_space = false;
  {
    MutexLock outer(first.mu_);
    MutexLockNested inner(second.mu_);
    if (to.readers_ == 0) return Errno::kEPIPE;
    if (from.buffers_.empty()) {
      if (from.writers_ != 0) return Errno::kEAGAIN;
      return size_t{0};
    }
    if (to.FullLocked()) return Errno::kEAGAIN;
    made_space = !keep && from.FullLocked();
    size_t index = 0;
    while (done < max && !to.FullLocked() && (keep ? index < from.buffers_.size() : !from.buffers_.empty())) {
      Buffer& source = keep ? from.buffers_[index] : from.buffers_.front();
      const auto n = static_cast<uint32_t>(std::min<size_t>(source.length, max - done));
      Buffer part = source;
      part.length = n;
      part.mergeable = false;
      if (part.chunk->capacity() > kMaxPinFactor * std::max<size_t>(n, kPageSize)) {
        const Ref<Chunk> copy = MakeRef<Chunk>(std::max<size_t>(n, 1));
        std::memcpy(copy->data(), source.bytes().data(), n);
        part.chunk = copy;
        part.offset = 0;
      }
      // Two pipes share the chunk now: nobody may write behind its end.
      source.mergeable = false;
      to.buffers_.push_back(std::move(part));
      to.bytes_ += n;
      done += n;
      if (keep) {
        ++index;
      } else {
        from.bytes_ -= n;
        if (n == source.length) {
          from.buffers_.pop_front();
        } else {
          source.offset += n;
          source.length -= n;
        }
      }
    }
    made_space = made_space && !from.FullLocked();
  }
  to.queue_.Notify(kIn);
  if (made_space) from.queue_.Notify(kOut);
  return done;
}

size_t Pipe::FreeBytes() const {
  MutexLock lock(mu_);
  return FullLocked() ? 0 : (slots_ - buffers_.size()) * kPageSize;
}

size_t Pipe::BytesReadable() const {
  MutexLock lock(mu_);
  return bytes_;
}

size_t Pipe::capacity() const {
  MutexLock lock(mu_);
  return slots_ * kPageSize;
}

Result<size_t> Pipe::SetCapacity(uint64_t bytes) {
  if (bytes > uint64_t{1} << 31) return Errno::kEINVAL;
  // Differs from Linux: CAP_SYS_RESOURCE does not lift the limit of /proc/sys/fs/pipe-max-size; the memory is the sentry's.
  if (bytes > abi::kPIPE_MAX_SIZE_DEFAULT) return Errno::kEPERM;
  size_t slots = 1;
  while (slots < SlotsFor(bytes)) slots *= 2;
  bool grew;
  {
    MutexLock lock(mu_);
    if (buffers_.size() > slots) return Errno::kEBUSY;
    grew = slots > slots_;
    slots_ = slots;
  }
  if (grew) queue_.Notify(kOut);
  return slots * kPageSize;
}

Pipe::Ends Pipe::ends() const {
  MutexLock lock(mu_);
  return {readers_, writers_, reader_opens_, writer_opens_};
}

void Pipe::AddEnd(bool reader, bool writer) {
  {
    MutexLock lock(mu_);
    if (reader) ++readers_, ++reader_opens_;
    if (writer) ++writers_, ++writer_opens_;
  }
  open_queue_.Notify(abi::kPOLLIN | abi::kPOLLOUT);
}

void Pipe::DropEnd(bool reader, bool writer) {
  std::deque<Buffer> unread;  // dies outside the lock
  RefPtr<Chunk> spare;
  wait::EventMask events = 0;
  {
    MutexLock lock(mu_);
    if (reader && --readers_ == 0) events |= abi::kPOLLERR | kOut;
    if (writer && --writers_ == 0) events |= abi::kPOLLHUP | kIn;
    // A FIFO that nobody has open keeps nothing (fifo(7)).
    if (readers_ == 0 && writers_ == 0) {
      unread.swap(buffers_);
      bytes_ = 0;
      spare = std::move(spare_);
      slots_ = abi::kPIPE_DEFAULT_SIZE / kPageSize;
    }
  }
  if (events != 0) queue_.Notify(events);
}

}  // namespace ringwall::pipe
