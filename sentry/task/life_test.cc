// clone(2), exit(2), wait4(2), vfork(2) without guest code.
#include "sentry/task/test_world.h"

namespace ringwall::task::test {
namespace {

constexpr int64_t Error(Errno e) { return -static_cast<int64_t>(e); }
using Life = World;

TEST_F(Life, ParentParksInWaitUntilAChildEnds) {
  const RefPtr<Task> child = Fork(*init_);
  EXPECT_EQ(ResultOf(*child), 0);
  Call(*init_, kWait, abi::kWEXITED);
  ASSERT_TRUE(Parked(*init_));
  Call(*child, kExit, 7);
  EXPECT_FALSE(Parked(*init_));
  EXPECT_EQ(ResultOf(*init_), child->tid());
  EXPECT_EQ(detail::LastWait().status, abi::ExitStatus(7));
}

TEST_F(Life, NoChildrenIsEchild) { EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED), Error(Errno::kECHILD)); }

TEST_F(Life, IgnoredSigchldReapsByItself) {
  SetAction(*init_, abi::kSIGCHLD, abi::kSIG_IGN);
  const RefPtr<Task> child = Fork(*init_);
  Call(*child, kExit, 0);
  EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED), Error(Errno::kECHILD));
  EXPECT_FALSE(kernel_->pids().FindGroup(child->tid()));
}

TEST_F(Life, OrphansGoToInit) {
  const RefPtr<Task> child = Fork(*init_);
  const RefPtr<Task> grandchild = Fork(*child);
  EXPECT_EQ(ParentPid(grandchild->thread_group()), child->tid());
  Call(*child, kExit, 0);
  EXPECT_EQ(ParentPid(grandchild->thread_group()), 1);
  Call(*grandchild, kExit, 3);
  // Which of several is found first is nobody's promise.
  std::map<int64_t, int32_t> found;
  for (int i = 0; i < 2; ++i) {
    const int64_t pid = Call(*init_, kWait, abi::kWEXITED);
    found[pid] = detail::LastWait().status;
  }
  EXPECT_EQ(found, (std::map<int64_t, int32_t>{{child->tid(), 0}, {grandchild->tid(), abi::ExitStatus(3)}}));
}

TEST_F(Life, VforkParentSleepsWhileTheChildBorrows) {
  Call(*init_, kClone, abi::kCLONE_VM | abi::kCLONE_VFORK, abi::kSIGCHLD);
  ASSERT_TRUE(Parked(*init_));
  const auto groups = kernel_->pids().AllGroups();
  ASSERT_EQ(groups.size(), 2u);
  const auto threads = kernel_->pids().ThreadsOf(*groups[1]);
  Catch(*init_, abi::kSIGUSR1);
  Send(*init_, abi::kSIGUSR1);
  EXPECT_TRUE(Parked(*init_)) << "only the end of the child ends vfork";
  Call(*threads[0], kExit, 0);
  EXPECT_FALSE(Parked(*init_));
}

TEST_F(Life, GroupExitTakesAllThreads) {
  const RefPtr<Task> child = Fork(*init_);
  const RefPtr<Task> second = NewThread(*child);
  Call(*second, kPause);
  Call(*child, kExitGroup, 9);
  EXPECT_TRUE(Dead(*second));
  EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED), child->tid());
  EXPECT_EQ(detail::LastWait().status, abi::ExitStatus(9));
}

TEST_F(Life, LeaderMayEndBeforeItsThreadsAndTheLastOneGivesTheStatus) {
  const RefPtr<Task> child = Fork(*init_);
  const RefPtr<Task> second = NewThread(*child);
  Call(*child, kExit, 1);
  EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED | abi::kWNOHANG), 0);
  Call(*second, kExit, 2);
  EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED), child->tid());
  EXPECT_EQ(detail::LastWait().status, abi::ExitStatus(2));
}

TEST_F(Life, InitsDeathEndsEverybody) {
  const RefPtr<Task> child = Fork(*init_);
  Call(*child, kPause);
  Call(*init_, kExitGroup, 0);
  EXPECT_TRUE(Dead(*child));
  EXPECT_TRUE(platform_->shut_down);
}

TEST_F(Life, StopWaitsForNoThreadThatLeaves) {
  const RefPtr<Task> child = Fork(*init_);
  const RefPtr<Task> second = NewThread(*child);
  Call(*second, kExit, 0);
  Send(*child, abi::kSIGSTOP);
  EXPECT_EQ(Call(*init_, kWait, abi::kWUNTRACED | abi::kWNOHANG), child->tid());
}

}  // namespace
}  // namespace ringwall::task::test
