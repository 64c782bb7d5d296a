// Mappable: what mmap(2) needs from a file. vfs files make one per open file description; mm never includes vfs.
#pragma once

#include <cstdint>
#include <string>

#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/ref/ref.h"

namespace ringwall::mm {

// Held by every VMA that maps the file; keeps the open file description alive, as Linux does.
class Mappable : public RefCounted {
 public:
  struct Identity {
    uint64_t dev = 0;
    uint64_t ino = 0;
  };
  // The host descriptor whose pages are mapped, opened with enough access for `write` shared mappings. ENODEV when the file can't be
  // mapped. May turn an in-memory file into a memfd first. The descriptor stays the same for the life of the file.
  virtual Result<Ref<SharedFd>> HostFile(bool write_shared) = 0;
  // What /proc/PID/maps shows.
  virtual Identity identity() const = 0;
  virtual std::string Name() const = 0;
  // A shared writable mapping (or a possible one: VM_MAYWRITE) came or went; memfd seals and deny-write count them.
  virtual void SharedWritableChanged(int delta) { (void)delta; }
  // What a child of fork(2) maps in its place; null = the same. Called under the parent's mm lock: System V segments count attachments.
  virtual RefPtr<Mappable> ForChild() { return nullptr; }
  // Set by one kind of mappable, so that it finds its own among an address space's VMAs (shmdt(2)).
  virtual const void* kind_tag() const { return nullptr; }
};

}  // namespace ringwall::mm
