// Executable: the file a process runs. While one exists, nobody may open the file for writing (ETXTBSY, open(2) and execve(2)).
#pragma once

#include <utility>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/cred/user_namespace.h"
#include "sentry/vfs/operations.h"

namespace ringwall::task {

class Executable final : public RefCounted {
 public:
  // ETXTBSY when the file is open for writing.
  static Result<Ref<Executable>> Of(Ref<vfs::File> file, Ref<cred::UserNamespace> user_ns) {
    Ref<RefCounted> deny = TRY(vfs::DenyWrite::Take(Ref<vfs::Inode>(file->path().inode())));
    return MakeRef<Executable>(std::move(file), std::move(deny), std::move(user_ns));
  }
  Executable(Ref<vfs::File> file, Ref<RefCounted> deny, Ref<cred::UserNamespace> user_ns)
      : file_(std::move(file)), deny_(std::move(deny)), user_ns_(std::move(user_ns)) {}
  const Ref<vfs::File>& file() const { return file_; }
  // Who executed it: memory that is not dumpable belongs to this namespace, whatever its process has become since (ptrace(2)).
  const cred::UserNamespace& user_ns() const { return *user_ns_; }

 private:
  const Ref<vfs::File> file_;
  const Ref<RefCounted> deny_;
  const Ref<cred::UserNamespace> user_ns_;
};

}  // namespace ringwall::task
