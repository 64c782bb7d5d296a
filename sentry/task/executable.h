// Executable: the file a process runs. While one exists, nobody may open the file for writing (ETXTBSY, open(2) and execve(2)).
#pragma once

#include <utility>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/file.h"

namespace ringwall::task {

class Executable final : public RefCounted {
 public:
  // ETXTBSY when the file is open for writing.
  static Result<Ref<Executable>> Deny(Ref<vfs::File> file) {
    vfs::Inode& inode = file->path().inode();
    int32_t count = inode.write_count.load(std::memory_order_relaxed);
    do {
      if (count > 0) return Errno::kETXTBSY;
    } while (!inode.write_count.compare_exchange_weak(count, count - 1));
    return MakeRef<Executable>(std::move(file));
  }
  explicit Executable(Ref<vfs::File> file) : file_(std::move(file)) {}
  ~Executable() override { file_->path().inode().write_count.fetch_add(1); }

  const Ref<vfs::File>& file() const { return file_; }

 private:
  const Ref<vfs::File> file_;
};

}  // namespace ringwall::task
