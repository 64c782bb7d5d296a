// For tests: a temporary tree, a server on a thread of its own and a client that talks to it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "gofer/client/client.h"
#include "gofer/server/server.h"

namespace ringwall::gofer {

class TempTree {
 public:
  TempTree() {
    char name[] = "/tmp/gofer_test.XXXXXX";
    path_ = mkdtemp(name);
  }
  ~TempTree() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(*this / name) << text; }
  UniqueFd Root() const { return UniqueFd(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

 private:
  std::string path_;
};

struct Sockets {
  Sockets() {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) abort();
    client = UniqueFd(fds[0]);
    server = UniqueFd(fds[1]);
  }
  UniqueFd client;
  UniqueFd server;
};

// Tree mounted twice: 0 read-write, 1 read-only.
inline ServerOptions TestOptions(const TempTree& tree, UniqueFd socket) {
  ServerOptions options;
  options.socket = std::move(socket);
  MountRoot writable;
  writable.root = tree.Root();
  writable.exclusive = true;
  options.mounts.push_back(std::move(writable));
  MountRoot read_only;
  read_only.root = tree.Root();
  read_only.read_only = true;
  options.mounts.push_back(std::move(read_only));
  options.confine = false;
  options.max_nodes = 500;
  return options;
}

class ServerThread {
 public:
  explicit ServerThread(ServerOptions options) : thread_([this, o = std::move(options)]() mutable { result_ = RunServer(std::move(o)); }) {}
  ~ServerThread() {
    if (thread_.joinable()) thread_.join();
  }
  int Join() {
    thread_.join();
    return result_;
  }

 private:
  int result_ = -1;
  std::thread thread_;
};

// Member order: the client (and so the connection) dies before the server's thread is joined.
struct World {
  explicit World(ServerOptions (*options)(const TempTree&, UniqueFd) = TestOptions)
      : server(options(tree, std::move(sockets.server))),
        client(GoferClient::Connect(std::move(sockets.client)).value()),
        root(client->Attach(0).value().node) {}
  TempTree tree;
  Sockets sockets;
  ServerThread server;
  Ref<GoferClient> client;
  Ref<GoferNode> root;
};

inline Result<WalkResult> WalkTo(const Ref<GoferNode>& from, std::initializer_list<std::string_view> names, Mask<WalkFlag> flags = {}) {
  return from->client().Walk(*from.get(), absl::Span<const std::string_view>(names.begin(), names.size()), flags);
}
// The last node of a walk that must succeed.
inline Ref<GoferNode> NodeAt(const Ref<GoferNode>& from, std::initializer_list<std::string_view> names) {
  return WalkTo(from, names).value().nodes.back().node;
}
inline NewFileOwner Mine(uint32_t mode) { return {mode, getuid(), getgid()}; }

}  // namespace ringwall::gofer
