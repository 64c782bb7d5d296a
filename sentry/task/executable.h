// Executable: the file a process runs. While one exists, nobody may open the file for writing (ETXTBSY, open(2) and execve(2)).
#pragma once

#include <utility>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/operations.h"

namespace ringwall::task {

class Executable final : public RefCounted {
 public:
  // ETXTBSY when the file is open for writing.
  static Result<Ref<Executable>> Of(Ref<vfs::File> file) {
    Ref<RefCounted> deny = TRY(vfs::DenyWrite::Take(Ref<vfs::Inode>(file->path().inode())));
    return MakeRef<Executable>(std::move(file), std::move(deny));
  }
  Executable(Ref<vfs::File> file, Ref<RefCounted> deny) : file_(std::move(file)), deny_(std::move(deny)) {}
  const Ref<vfs::File>& file() const { return file_; }

 private:
  const Ref<vfs::File> file_;
  const Ref<RefCounted> deny_;
};

}  // namespace ringwall::task
