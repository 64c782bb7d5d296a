// /proc/sysvipc and the settings of inotify(7), System V objects and POSIX message queues below /proc/sys: those of the namespace of
// whoever reads or writes.
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sentry/fs/anon/inotify.h"
#include "sentry/fs/proc/instance.h"
#include "sentry/ipc/namespace.h"
#include "sentry/ns/namespaces.h"

namespace ringwall::proc {
namespace {

Ref<ipc::IpcNamespace> IpcOf(Context& ctx, kernel::Kernel& kernel) {
  if (ctx.AsTask() != nullptr) return ipc::IpcNamespace::Of(*ctx.AsTask()->namespaces().ipc);
  return ipc::IpcNamespace::Of(*kernel.initial_namespaces()->ipc);
}

// "123\n": EINVAL for anything but a number within [low, high].
template <typename T>
Result<T> Parse(std::string_view text, T low, T high) {
  T value{};
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value) || value < low || value > high) return Errno::kEINVAL;
  return value;
}

template <typename T, typename Find>
void AddNumber(kit::KitFs& fs, kit::Directory& sys, const char* path, T low, T high, Find find) {
  auto read = [find](Context& ctx) -> Result<std::string> {
    auto&& setting = find(ctx);
    return absl::StrCat(setting.load(std::memory_order_relaxed), "\n");
  };
  auto write = [find, low, high](Context& ctx, std::string_view data, uint64_t offset) -> Result<size_t> {
    if (offset != 0) return data.size();
    const T value = TRY(Parse<T>(data, low, high));
    auto&& setting = find(ctx);
    setting.store(value, std::memory_order_relaxed);
    return data.size();
  };
  sys.AddPath(path, MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0644}, std::move(read), std::move(write)));
}

// A setting of a namespace, which it keeps alive.
template <typename T>
class Held {
 public:
  Held(Ref<ipc::IpcNamespace> ns, std::atomic<T>& value) : ns_(std::move(ns)), value_(value) {}
  T load(std::memory_order order) const { return value_.load(order); }
  void store(T value, std::memory_order order) { value_.store(value, order); }

 private:
  const Ref<ipc::IpcNamespace> ns_;
  std::atomic<T>& value_;
};

template <typename Table, typename T>
auto In(kernel::Kernel& kernel, Table ipc::IpcNamespace::*table, std::atomic<T> Table::*member) {
  return [&kernel, table, member](Context& ctx) {
    Ref<ipc::IpcNamespace> ns = IpcOf(ctx, kernel);
    std::atomic<T>& value = (*ns).*table.*member;
    return Held<T>(std::move(ns), value);
  };
}

auto InMqueue(kernel::Kernel& kernel, std::atomic<int32_t> mqueue::MqueueFs::*member) {
  return [&kernel, member](Context& ctx) {
    Ref<ipc::IpcNamespace> ns = IpcOf(ctx, kernel);
    std::atomic<int32_t>& value = (*ns->mqueues).*member;
    return Held<int32_t>(std::move(ns), value);
  };
}

// kernel/sem: four numbers in a row.
void AddSem(kit::KitFs& fs, kit::Directory& sys, kernel::Kernel& kernel) {
  auto read = [&kernel](Context& ctx) -> Result<std::string> {
    const Ref<ipc::IpcNamespace> ns = IpcOf(ctx, kernel);
    return absl::StrCat(ns->sem.max_per_set.load(), "\t", ns->sem.max_semaphores.load(), "\t", ns->sem.max_operations.load(), "\t",
                        ns->sem.max_sets.load(), "\n");
  };
  auto write = [&kernel](Context& ctx, std::string_view data, uint64_t offset) -> Result<size_t> {
    if (offset != 0) return data.size();
    const Ref<ipc::IpcNamespace> ns = IpcOf(ctx, kernel);
    constexpr int32_t kMost[] = {65536, ipc::SemTable::kMaxSemaphores, 65536, ipc::Table<ipc::SemaphoreSet>::kIndices};
    std::atomic<int32_t>* const values[] = {&ns->sem.max_per_set, &ns->sem.max_semaphores, &ns->sem.max_operations, &ns->sem.max_sets};
    size_t i = 0;
    for (const absl::string_view part :
         absl::StrSplit(absl::string_view(data.data(), data.size()), absl::ByAnyChar(" \t\n"), absl::SkipEmpty())) {
      if (i == 4) break;
      const int32_t value = TRY(Parse<int32_t>({part.data(), part.size()}, 0, kMost[i]));
      values[i++]->store(value);
    }
    return data.size();
  };
  sys.AddPath("kernel/sem", MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0644}, std::move(read), std::move(write)));
}

}  // namespace

void AddIpcSysctl(kit::KitFs& fs, kit::Directory& sys, kernel::Kernel& kernel) {
  using ipc::IpcNamespace;
  using ipc::MsgTable;
  using ipc::ShmTable;
  constexpr int32_t kIndices = ipc::Table<ipc::Segment>::kIndices;
  // A message is copied in before it is counted.
  constexpr int32_t kLongestMessage = static_cast<int32_t>(abi::kMQ_MSGSIZE_HARD_MAX);
  AddNumber<uint64_t>(fs, sys, "kernel/shmmax", 0, ~uint64_t{0}, In(kernel, &IpcNamespace::shm, &ShmTable::max_size));
  AddNumber<uint64_t>(fs, sys, "kernel/shmall", 0, ~uint64_t{0}, In(kernel, &IpcNamespace::shm, &ShmTable::max_pages));
  AddNumber<int32_t>(fs, sys, "kernel/shmmni", 0, kIndices, In(kernel, &IpcNamespace::shm, &ShmTable::max_segments));
  AddNumber<int32_t>(fs, sys, "kernel/msgmax", 0, kLongestMessage, In(kernel, &IpcNamespace::msg, &MsgTable::max_message));
  AddNumber<int32_t>(fs, sys, "kernel/msgmnb", 0, INT32_MAX, In(kernel, &IpcNamespace::msg, &MsgTable::max_bytes));
  AddNumber<int32_t>(fs, sys, "kernel/msgmni", 0, kIndices, In(kernel, &IpcNamespace::msg, &MsgTable::max_queues));
  AddSem(fs, sys, kernel);

  using mqueue::MqueueFs;
  constexpr auto kMessages = static_cast<int32_t>(abi::kMQ_MSG_HARD_MAX);
  AddNumber<int32_t>(fs, sys, "fs/mqueue/queues_max", 0, INT32_MAX, InMqueue(kernel, &MqueueFs::queues_max));
  AddNumber<int32_t>(fs, sys, "fs/mqueue/msg_max", 1, kMessages, InMqueue(kernel, &MqueueFs::msg_max));
  AddNumber<int32_t>(fs, sys, "fs/mqueue/msg_default", 1, kMessages, InMqueue(kernel, &MqueueFs::msg_default));
  AddNumber<int32_t>(fs, sys, "fs/mqueue/msgsize_max", 128, kLongestMessage, InMqueue(kernel, &MqueueFs::msgsize_max));
  AddNumber<int32_t>(fs, sys, "fs/mqueue/msgsize_default", 128, kLongestMessage, InMqueue(kernel, &MqueueFs::msgsize_default));

  const auto inotify = [&kernel](std::atomic<int32_t> anon::InotifyAccounts::*member) {
    return [&kernel, member](Context&) -> std::atomic<int32_t>& { return kernel.inotify().*member; };
  };
  AddNumber<int32_t>(fs, sys, "fs/inotify/max_queued_events", 0, INT32_MAX, inotify(&anon::InotifyAccounts::max_queued_events));
  AddNumber<int32_t>(fs, sys, "fs/inotify/max_user_instances", 0, INT32_MAX, inotify(&anon::InotifyAccounts::max_user_instances));
  AddNumber<int32_t>(fs, sys, "fs/inotify/max_user_watches", 0, INT32_MAX, inotify(&anon::InotifyAccounts::max_user_watches));
}

void AddSysvipc(kit::KitFs& fs, kit::Directory& root, kernel::Kernel& kernel) {
  const auto add = [&](const char* path, auto text) {
    auto read = [&kernel, text](Context& ctx) -> Result<std::string> { return text(*IpcOf(ctx, kernel)); };
    root.AddPath(path, MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0444}, std::move(read)));
  };
  add("sysvipc/shm", [](ipc::IpcNamespace& ns) { return ns.shm.ProcText(); });
  add("sysvipc/sem", [](ipc::IpcNamespace& ns) { return ns.sem.ProcText(); });
  add("sysvipc/msg", [](ipc::IpcNamespace& ns) { return ns.msg.ProcText(); });
}

}  // namespace ringwall::proc
