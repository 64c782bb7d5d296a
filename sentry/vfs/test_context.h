// A Context for unit tests: root's credentials (or what the test sets), no guest memory, a clock that stands still until told.
#pragma once

#include <utility>

#include "sentry/context/context.h"
#include "sentry/cred/credentials.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::vfs {

class TestContext final : public Context {
 public:
  TestContext() : creds_(cred::Credentials::Root()) {}
  explicit TestContext(Ref<cred::Credentials> creds) : creds_(std::move(creds)) {}
  // A user without capabilities.
  static Ref<cred::Credentials> User(uint32_t uid, uint32_t gid) {
    Ref<cred::Credentials> c = MakeRef<cred::Credentials>();
    c->uid = c->euid = c->suid = c->fsuid = uid;
    c->gid = c->egid = c->sgid = c->fsgid = gid;
    return c;
  }
  void SetCreds(Ref<cred::Credentials> creds) { creds_ = std::move(creds); }
  const cred::Credentials& creds() const override { return *creds_; }
  // No test here decodes ioctl arguments.
  mm::UserMemory& memory() override { __builtin_trap(); }
  abi::Timespec Now() const override { return now; }
  bool SignalPending() const override { return false; }
  int32_t tgid() const override { return 1; }
  uint64_t FileSizeLimit() const override { return file_size_limit; }

  abi::Timespec now{1'000'000, 0};
  uint64_t file_size_limit = ~uint64_t{0};

 private:
  Ref<cred::Credentials> creds_;
};

// A namespace over one file system, and a place to start walks from.
struct TestTree {
  explicit TestTree(Ref<FileSystem> fs)
      : ns(MakeRef<MountNamespace>(Mount::OfFileSystem(std::move(fs), {}, "none"))), root{ns->root(), ns->root()->root()}, cwd(root) {}
  WalkStart start() const { return {ns, root, cwd}; }
  Ref<MountNamespace> ns;
  Path root;
  Path cwd;
};

}  // namespace ringwall::vfs
