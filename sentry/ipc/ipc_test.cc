// System V objects without tasks: identifiers, bounds, and waiters that are served, cancelled or left behind.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sentry/ipc/namespace.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::ipc {
namespace {

class IpcTest : public testing::Test {
 protected:
  int32_t NewSet(int32_t count) {
    auto id = ns_->sem.Get(ctx_, abi::kIPC_PRIVATE, count, abi::kIPC_CREAT | 0600);
    EXPECT_TRUE(id.ok());
    return *id;
  }
  int32_t NewQueue() {
    auto id = ns_->msg.Get(ctx_, abi::kIPC_PRIVATE, abi::kIPC_CREAT | 0600);
    EXPECT_TRUE(id.ok());
    return *id;
  }
  Result<SemTable::Outcome> Operate(int32_t id, uint16_t number, int16_t op, int16_t flags = 0) {
    return ns_->sem.Operate(ctx_, id, {{number, op, flags}}, undo_, ns_);
  }
  int32_t Value(int32_t id, int32_t number = 0) { return *ns_->sem.GetOne(ctx_, id, number, abi::kGETVAL); }

  vfs::TestContext ctx_;
  const Ref<IpcNamespace> ns_ = MakeRef<IpcNamespace>();
  RefPtr<RefCounted> undo_;
};

TEST_F(IpcTest, IdentifiersHoldIndexAndSequence) {
  EXPECT_EQ(NewSet(1), 0);
  EXPECT_EQ(NewSet(1), 1);
  ASSERT_TRUE(ns_->sem.Remove(ctx_, 0).ok());
  const int32_t again = NewSet(1);
  EXPECT_EQ(again, 32768) << "index 0 with the next sequence";
  EXPECT_EQ(ns_->sem.Count(ctx_, 0).error(), Errno::kEIDRM);
  EXPECT_EQ(ns_->sem.Count(ctx_, 2).error(), Errno::kEINVAL);
  EXPECT_EQ(ns_->sem.HighestIndex(), 1);
}

TEST_F(IpcTest, WaiterIsCarriedOutByWhoRaisesTheValue) {
  const int32_t id = NewSet(1);
  auto waiting = Operate(id, 0, -2);
  ASSERT_TRUE(waiting.ok() && waiting->waiter);
  EXPECT_FALSE(waiting->waiter->done());
  EXPECT_FALSE(Operate(id, 0, 1)->waiter);
  EXPECT_FALSE(waiting->waiter->done());
  EXPECT_FALSE(Operate(id, 0, 1)->waiter);
  EXPECT_TRUE(waiting->waiter->done());
  EXPECT_EQ(Value(id), 0);
  EXPECT_TRUE(ns_->sem.Finish(id, *waiting->waiter, Errno::kEINTR).ok()) << "served before the signal";
}

TEST_F(IpcTest, CancelledWaiterIsNotCarriedOut) {
  const int32_t id = NewSet(1);
  auto waiting = Operate(id, 0, -1);
  ASSERT_TRUE(waiting.ok() && waiting->waiter);
  EXPECT_EQ(ns_->sem.Finish(id, *waiting->waiter, Errno::kEINTR).error(), Errno::kEINTR);
  EXPECT_TRUE(Operate(id, 0, 1).ok());
  EXPECT_EQ(Value(id), 1);
}

TEST_F(IpcTest, RemovalEndsWaiters) {
  const int32_t id = NewSet(1);
  auto waiting = Operate(id, 0, -1);
  ASSERT_TRUE(waiting.ok() && waiting->waiter);
  ASSERT_TRUE(ns_->sem.Remove(ctx_, id).ok());
  EXPECT_EQ(ns_->sem.Finish(id, *waiting->waiter, Errno::kEINTR).error(), Errno::kEIDRM);
}

TEST_F(IpcTest, LastShareOfTheListUndoes) {
  const int32_t id = NewSet(1);
  ASSERT_TRUE(Operate(id, 0, 5, abi::kSEM_UNDO).ok());
  RefPtr<RefCounted> shared = undo_;
  undo_.reset();
  EXPECT_EQ(Value(id), 5);
  shared.reset();
  EXPECT_EQ(Value(id), 0);
}

TEST_F(IpcTest, ListForgetsRemovedSets) {
  for (int i = 0; i < 500; ++i) {
    const int32_t id = NewSet(1);
    ASSERT_TRUE(Operate(id, 0, 1, abi::kSEM_UNDO).ok());
    ASSERT_TRUE(ns_->sem.Remove(ctx_, id).ok());
  }
  const int32_t id = NewSet(1);
  ASSERT_TRUE(Operate(id, 0, 1, abi::kSEM_UNDO).ok());
  undo_.reset();
  EXPECT_EQ(Value(id), 0);
}

TEST_F(IpcTest, FailedOperationLeavesNoAdjustment) {
  const int32_t id = NewSet(2);
  auto failed = ns_->sem.Operate(ctx_, id, {{0, 3, abi::kSEM_UNDO}, {1, -1, abi::kIPC_NOWAIT}}, undo_, ns_);
  EXPECT_EQ(failed.error(), Errno::kEAGAIN);
  EXPECT_EQ(Value(id), 0);
  ASSERT_TRUE(Operate(id, 0, 1).ok());
  undo_.reset();
  EXPECT_EQ(Value(id), 1);
}

TEST_F(IpcTest, SemaphoresAreBounded) {
  int32_t made = 0;
  Errno error{};
  for (;;) {
    auto id = ns_->sem.Get(ctx_, abi::kIPC_PRIVATE, 32000, abi::kIPC_CREAT | 0600);
    if (!id.ok()) {
      error = id.error();
      break;
    }
    ++made;
  }
  EXPECT_EQ(error, Errno::kENOSPC);
  EXPECT_EQ(made, SemTable::kMaxSemaphores / 32000);
}

TEST_F(IpcTest, QueuedMessagesAreBounded) {
  Errno error{};
  int queues = 0;
  while (error == Errno{} && queues < 20000) {
    const int32_t id = NewQueue();
    ++queues;
    for (int i = 0; i < 2 && error == Errno{}; ++i) {
      auto message = ns_->msg.Make(1, std::string(8192, 'x'));
      if (!message.ok()) {
        error = message.error();
        break;
      }
      EXPECT_TRUE(ns_->msg.Send(ctx_, id, *message, true).ok());
    }
  }
  EXPECT_EQ(error, Errno::kENOMEM);
  EXPECT_LT(queues, 5000);
  // What is removed is given back.
  ASSERT_TRUE(ns_->msg.Remove(ctx_, 0).ok());
  EXPECT_TRUE(ns_->msg.Make(1, std::string(8192, 'x')).ok());
}

TEST_F(IpcTest, MessageGoesToTheReceiverThatWaits) {
  const int32_t id = NewQueue();
  auto receiver = ns_->msg.Receive(ctx_, id, 100, 7, 0);
  ASSERT_TRUE(receiver.ok() && receiver->receiver);
  auto other = ns_->msg.Make(3, "other");
  auto wanted = ns_->msg.Make(7, "wanted");
  ASSERT_TRUE(ns_->msg.Send(ctx_, id, *other, true).ok());
  EXPECT_FALSE(receiver->receiver->done());
  ASSERT_TRUE(ns_->msg.Send(ctx_, id, *wanted, true).ok());
  ASSERT_TRUE(receiver->receiver->done());
  auto got = ns_->msg.Finish(id, *receiver->receiver, Errno::kEINTR);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->bytes(), "wanted");
  EXPECT_EQ(ns_->msg.Stat(ctx_, id)->msg_qnum, 1u);
}

TEST_F(IpcTest, SegmentGoesWithItsLastAttachment) {
  const int32_t id = *ns_->shm.Get(ctx_, abi::kIPC_PRIVATE, 4096, abi::kIPC_CREAT | 0600);
  {
    auto one = ns_->shm.Attach(ctx_, id, 0444, ns_);
    ASSERT_TRUE(one.ok());
    const RefPtr<mm::Mappable> child = (*one)->ForChild();
    EXPECT_EQ(ns_->shm.Stat(ctx_, id)->shm_nattch, 2u);
    ASSERT_TRUE(ns_->shm.Remove(ctx_, id).ok());
    EXPECT_TRUE(ns_->shm.Stat(ctx_, id).ok());
  }
  EXPECT_FALSE(ns_->shm.Stat(ctx_, id).ok());
  EXPECT_EQ(ns_->shm.Info().shm_tot, 0u);
}

TEST_F(IpcTest, AttachmentOutlivesTheNamespaceItCameFrom) {
  Ref<IpcNamespace> ns = MakeRef<IpcNamespace>();
  const int32_t id = *ns->shm.Get(ctx_, abi::kIPC_PRIVATE, 4096, abi::kIPC_CREAT | 0600);
  auto attachment = ns->shm.Attach(ctx_, id, 0444, ns);
  ASSERT_TRUE(attachment.ok());
  ns = MakeRef<IpcNamespace>();
  EXPECT_EQ((*attachment)->segment().size(), 4096u);
}

}  // namespace
}  // namespace ringwall::ipc
