// Fuzz: a hostile client. The input is a list of messages (2-byte length, 1-byte type, body) for a service on a throw-away tree;
// node ids in it are real ones whenever the fuzzer uses small numbers, because generations and slots start small.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gofer/server/service.h"

namespace ringwall::gofer {
namespace {

struct Tree {
  Tree() {
    char name[] = "/tmp/gofer_fuzz.XXXXXX";
    path = mkdtemp(name);
    const rlimit small_files{1 << 16, 1 << 16};
    setrlimit(RLIMIT_FSIZE, &small_files);
    signal(SIGXFSZ, SIG_IGN);
    Fill();
    atexit([] { (void)!system(("rm -rf " + Get().path).c_str()); });
  }
  void Fill() const {
    mkdir((path + "/d").c_str(), 0755);
    close(open((path + "/d/f").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    (void)!symlink("/etc", (path + "/l").c_str());
  }
  static Tree& Get() {
    static Tree& tree = *new Tree;  // never destroyed: the exit handler needs it
    return tree;
  }
  std::string path;
};

std::string Message(uint16_t type, uint16_t forgets, std::string_view body) {
  const MessageHeader header{static_cast<uint32_t>(sizeof(MessageHeader) + body.size()), type, forgets, 1};
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(body);
  return out;
}

}  // namespace
}  // namespace ringwall::gofer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringwall::gofer;
  using ringwall::UniqueFd;
  Tree& tree = Tree::Get();
  ServerOptions options;
  for (bool read_only : {false, true}) {
    MountRoot mount;
    mount.root = UniqueFd(open(tree.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    mount.read_only = read_only;
    options.mounts.push_back(std::move(mount));
  }
  auto proc = OpenProcSelfFd();
  if (!proc.ok()) abort();
  options.proc_self_fd = std::move(proc).value();
  options.max_nodes = 16;
  Service service(std::move(options));
  if (!service.PrepareThread().ok()) abort();

  auto send = [&](const std::string& message) {
    Writer reply;
    UniqueFd donated;
    if (!service.Handle(message, reply, donated)) return false;
    MessageHeader header;
    if (reply.size() < sizeof header) abort();
    memcpy(&header, reply.data(), sizeof header);
    if (!ValidHeader(header, reply.size(), Direction::kReply)) abort();  // what we say is always well-formed
    if (donated.valid()) {
      struct stat st;
      if (fstat(donated.get(), &st) != 0 || !S_ISREG(st.st_mode)) abort();
    }
    if (service.donated_list().size() > kMaxLookFiles || (donated.valid() && !service.donated_list().empty())) abort();
    for (const UniqueFd& fd : service.donated_list()) {
      struct stat st;
      if (fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) abort();
    }
    return !service.failed();
  };
  Writer hello;
  Put(hello, HelloRequest{});
  Writer attach;
  Put(attach, AttachRequest{});
  if (size > 0 && data[0] != 0xff) {  // 0xff: the fuzzer does its own greeting
    send(Message(static_cast<uint16_t>(MessageType::kHello), 0, {hello.data(), hello.size()}));
    send(Message(static_cast<uint16_t>(MessageType::kAttach), 0, {attach.data(), attach.size()}));
  }
  for (size_t at = 1; at + 4 <= size;) {
    uint16_t length;
    memcpy(&length, data + at, sizeof length);
    const uint16_t type = data[at + 2];
    const uint16_t forgets = data[at + 3];
    at += 4;
    const size_t body = length < size - at ? length : size - at;
    if (!send(Message(type, forgets, {reinterpret_cast<const char*>(data) + at, body}))) break;
    at += body;
  }
  tree.Fill();
  return 0;
}
