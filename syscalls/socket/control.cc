// Control messages (cmsg(3)) in and out: SCM_RIGHTS and SCM_CREDENTIALS of unix(7) here, all others as bytes for the family.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "abi/resource.h"
#include "sentry/cred/credentials.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/socket/message.h"

namespace ringwall::syscalls {
namespace {

// net.core.optmem_max: what the control data of one message may take.
constexpr uint64_t kMaxControl = 20480;
constexpr uint64_t kFdSize = sizeof(int32_t);

// A sender may name its own ids only, unless it has the capability to be anybody (unix(7), SCM_CREDENTIALS).
bool MayClaim(const Task& task, const abi::Ucred& claim) {
  const cred::Credentials& own = task.creds();
  // The namespaces of what is claimed are the caller's own (user_namespaces(7)).
  const bool pid = claim.pid == task.tgid() || own.HasInOwn(abi::kCAP_SYS_ADMIN);
  const bool uid = claim.uid == own.uid || claim.uid == own.euid || claim.uid == own.suid || own.HasInOwn(abi::kCAP_SETUID);
  const bool gid = claim.gid == own.gid || claim.gid == own.egid || claim.gid == own.sgid || own.HasInOwn(abi::kCAP_SETGID);
  return pid && uid && gid;
}

Result<void> ReadRights(Task& task, absl::Span<const std::byte> data, socket::SendControl& control) {
  const size_t count = data.size() / kFdSize;
  if (count + control.files.size() > static_cast<size_t>(abi::kSCM_MAX_FD)) return Errno::kEINVAL;
  for (size_t i = 0; i < count; ++i) {
    int32_t number = 0;
    std::memcpy(&number, data.data() + i * kFdSize, kFdSize);
    // O_PATH descriptors can be passed too (open(2), O_PATH).
    Ref<vfs::File> file = TRY(task.fds().Get(Fd{number}));
    control.files.push_back(std::move(file));
  }
  return {};
}

Result<void> ReadCredentials(const Task& task, absl::Span<const std::byte> data, socket::SendControl& control) {
  if (data.size() != sizeof(abi::Ucred)) return Errno::kEINVAL;
  std::memcpy(&control.credentials, data.data(), sizeof(abi::Ucred));
  const cred::UserNamespace& ids = *task.creds().user_ns;
  const auto uid = ids.ToKernel(cred::IdKind::kUid, control.credentials.uid);
  const auto gid = ids.ToKernel(cred::IdKind::kGid, control.credentials.gid);
  if (!uid.has_value() || !gid.has_value()) return Errno::kEINVAL;
  control.credentials = {.pid = task.ToKernelPid(control.credentials.pid), .uid = *uid, .gid = *gid};
  if (!MayClaim(task, control.credentials)) return Errno::kEPERM;
  control.has_credentials = true;
  return {};
}

// What is left of the receiver's control buffer.
struct ControlRoom {
  uint64_t at = 0;
  uint64_t left = 0;
  void Use(uint64_t bytes) {
    bytes = std::min(bytes, left);
    at += bytes;
    left -= bytes;
  }
};

// One message of `data`, cut when it does not fit. False: cut, or not written at all.
bool PutMessage(Task& task, ControlRoom& room, int32_t level, int32_t type, absl::Span<const std::byte> data) {
  if (room.left < sizeof(abi::Cmsghdr)) return false;
  const uint64_t length = std::min(abi::CmsgLen(data.size()), room.left);
  const abi::Cmsghdr head{.cmsg_len = length, .cmsg_level = level, .cmsg_type = type};
  if (!task.memory().WriteValue(room.at, head).ok()) return false;
  if (!task.memory().Write(room.at + sizeof(head), data.first(length - sizeof(head))).ok()) return false;
  room.Use(abi::CmsgSpace(data.size()));
  return length == abi::CmsgLen(data.size());
}

// Installs as many files as there is room and as RLIMIT_NOFILE allows. Each number reaches the buffer before its file becomes visible.
bool PutRights(Task& task, ControlRoom& room, std::vector<Ref<vfs::File>>& files, bool cloexec) {
  const uint64_t fitting = room.left <= sizeof(abi::Cmsghdr) ? 0 : (room.left - sizeof(abi::Cmsghdr)) / kFdSize;
  const uint64_t wanted = std::min<uint64_t>(fitting, files.size());
  uint64_t done = 0;
  for (; done < wanted; ++done) {
    auto slot = task.fds().Reserve(task.Limit(abi::kRLIMIT_NOFILE));
    if (!slot.ok()) break;
    if (!task.memory().WriteValue(room.at + sizeof(abi::Cmsghdr) + done * kFdSize, abi::Raw(slot->fd())).ok()) break;
    std::move(*slot).Install(std::move(files[done]), {.cloexec = cloexec});
  }
  if (done != 0) {
    const abi::Cmsghdr head{.cmsg_len = abi::CmsgLen(done * kFdSize), .cmsg_level = abi::kSOL_SOCKET, .cmsg_type = abi::kSCM_RIGHTS};
    // A fault here leaves the descriptors installed, as on Linux: the caller's table shows them.
    if (!task.memory().WriteValue(room.at, head).ok()) return false;
    room.Use(abi::CmsgSpace(done * kFdSize));
  }
  return done == files.size();
}

}  // namespace

Result<socket::SendControl> ReadControl(Task& task, const socket::Socket& socket, const abi::Msghdr& header) {
  socket::SendControl control;
  if (header.msg_control == 0 || header.msg_controllen == 0) return control;
  if (header.msg_controllen > kMaxControl) return Errno::kENOBUFS;
  std::vector<std::byte> bytes(header.msg_controllen);
  TRY(task.memory().Read(header.msg_control, absl::MakeSpan(bytes)));
  for (uint64_t at = 0; bytes.size() - at >= sizeof(abi::Cmsghdr);) {
    abi::Cmsghdr head;
    std::memcpy(&head, bytes.data() + at, sizeof(head));
    if (head.cmsg_len < sizeof(head) || head.cmsg_len > bytes.size() - at) return Errno::kEINVAL;
    const auto data = absl::MakeConstSpan(bytes).subspan(at + sizeof(head), head.cmsg_len - sizeof(head));
    const bool unix_domain = socket.family() == abi::kAF_UNIX;
    if (head.cmsg_level != abi::kSOL_SOCKET) {
      control.others.push_back({head.cmsg_level, head.cmsg_type, {data.begin(), data.end()}});
    } else if (head.cmsg_type == abi::kSCM_RIGHTS) {
      // Other families take no descriptors and say nothing.
      if (unix_domain) TRY(ReadRights(task, data, control));
    } else if (head.cmsg_type == abi::kSCM_CREDENTIALS) {
      if (unix_domain) TRY(ReadCredentials(task, data, control));
    } else {
      return Errno::kEINVAL;
    }
    at += std::min(abi::CmsgAlign(head.cmsg_len), bytes.size() - at);
  }
  return control;
}

uint32_t WriteControl(Task& task, abi::Msghdr& header, socket::ReceiveResult& received, bool cloexec) {
  ControlRoom room{.at = header.msg_control, .left = header.msg_control == 0 ? 0 : header.msg_controllen};
  const uint64_t start = room.at;
  bool complete = true;
  if (received.has_credentials) {
    const cred::UserNamespace& ids = *task.creds().user_ns;
    const abi::Ucred shown{.pid = task.ToGuestPid(received.credentials.pid),
                           .uid = ids.Show(cred::IdKind::kUid, received.credentials.uid),
                           .gid = ids.Show(cred::IdKind::kGid, received.credentials.gid)};
    const auto* bytes = reinterpret_cast<const std::byte*>(&shown);
    complete &= PutMessage(task, room, abi::kSOL_SOCKET, abi::kSCM_CREDENTIALS, absl::MakeConstSpan(bytes, sizeof(received.credentials)));
  }
  for (const socket::ControlMessage& message : received.control) {
    complete &= PutMessage(task, room, message.level, message.type, message.data);
  }
  if (!received.files.empty()) complete &= PutRights(task, room, received.files, cloexec);
  header.msg_controllen = room.at - start;
  return complete ? 0 : abi::kMSG_CTRUNC;
}

}  // namespace ringwall::syscalls
