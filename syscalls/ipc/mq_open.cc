// mq_open(2), mq_unlink(2), mq_getsetattr(2).
#include "abi/fcntl.h"
#include "abi/resource.h"
#include "sentry/fs/mqueue/queue.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {

Result<Fd> SysMqOpen(Task& task, UserPath user_name, RawFlags flags, Mode mode, UserIn<abi::MqAttr> user_attributes) {
  mqueue::Attributes wanted;
  const bool given = (flags.value & abi::kO_CREAT) != 0 && !user_attributes.is_null();
  if (!user_attributes.is_null()) {
    const abi::MqAttr attributes = TRY(user_attributes.Read(task.memory()));
    wanted = {.max_messages = attributes.mq_maxmsg, .message_size = attributes.mq_msgsize};
  }
  const std::string name = TRY(user_name.Read(task.memory()));
  const Ref<ipc::IpcNamespace> ns = IpcOf(task);
  auto slot = TRY(task.fds().Reserve(task.Limit(abi::kRLIMIT_NOFILE)));
  Ref<vfs::File> file =
      TRY(ns->mqueues->OpenQueue(task, ns->mqueue_mount, name, flags.value, mode.value & abi::kS_IALLUGO & ~task.fs().umask(),
                                 given ? &wanted : nullptr, task.Limit(abi::kRLIMIT_MSGQUEUE)));
  const Fd fd = slot.fd();
  // Always close-on-exec (mq_open(3), NOTES).
  std::move(slot).Install(std::move(file), {.cloexec = true});
  return fd;
}

Result<void> SysMqUnlink(Task& task, UserPath user_name) {
  const std::string name = TRY(user_name.Read(task.memory()));
  const Ref<ipc::IpcNamespace> ns = IpcOf(task);
  return ns->mqueues->Unlink(task, task.fs().mount_ns(), ns->mqueue_mount, name);
}

Result<void> SysMqGetsetattr(Task& task, Fd fd, UserIn<abi::MqAttr> attributes, UserOut<abi::MqAttr> old_attributes) {
  abi::MqAttr wanted;
  if (!attributes.is_null()) {
    wanted = TRY(attributes.Read(task.memory()));
    if ((wanted.mq_flags & ~static_cast<int64_t>(abi::kO_NONBLOCK)) != 0) return Errno::kEINVAL;
  }
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  const auto* queue_file = file->As<mqueue::QueueFile>();
  if (queue_file == nullptr) return Errno::kEBADF;
  const mqueue::Queue& queue = queue_file->queue();
  abi::MqAttr old;
  old.mq_flags = file->flags() & abi::kO_NONBLOCK;
  old.mq_maxmsg = queue.max_messages();
  old.mq_msgsize = queue.message_size();
  old.mq_curmsgs = queue.current();
  if (!attributes.is_null())
    TRY(file->SetFlags((file->flags() & ~abi::kO_NONBLOCK) | (static_cast<uint32_t>(wanted.mq_flags) & abi::kO_NONBLOCK)));
  return old_attributes.WriteIfSet(task.memory(), old);
}

}  // namespace ringwall::syscalls
