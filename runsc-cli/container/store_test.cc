// Container directories: ids, the lock's business, atomic records, removal.
#include "runsc-cli/container/store.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace ringwall::container {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    char name[] = "/tmp/ringwall-store-XXXXXX";
    top_ = ::mkdtemp(name);
  }
  ~StoreTest() override {
    ::rmdir((top_ + "/root").c_str());
    ::rmdir(top_.c_str());
  }
  std::string top_;
};

TEST_F(StoreTest, ARecordComesBackAsItWasSaved) {
  const Store store(top_ + "/root");
  {
    auto handle = store.Create("c1");
    ASSERT_TRUE(handle.ok()) << handle.status().ToString();
    Record record{.id = "c1", .bundle = "/b", .phase = Phase::kRunning};
    record.annotations = {{"k", "v"}};
    record.stand_in = IdentifyProcess(::getpid());
    record.poststop = {{.path = "/bin/true", .timeout_seconds = 3}};
    ASSERT_TRUE(handle->Save(record).ok());
    auto back = handle->Load();
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->bundle, "/b");
    EXPECT_EQ(back->annotations, record.annotations);
    EXPECT_EQ(back->stand_in.start_time, record.stand_in.start_time);
    ASSERT_EQ(back->poststop.size(), 1u);
    EXPECT_EQ(back->poststop[0].timeout_seconds, 3);
    EXPECT_EQ(StatusOf(*back), Status::kRunning);
    back->stand_in.start_time += 1;  // another process with the same pid
    EXPECT_EQ(StatusOf(*back), Status::kStopped);
  }
  EXPECT_EQ(store.Create("c1").status().message(), "container with given ID already exists: c1");
  EXPECT_EQ(store.List(), std::vector<std::string>{"c1"});
  auto handle = store.Open("c1");
  ASSERT_TRUE(handle.ok());
  EXPECT_TRUE(absl::IsUnavailable(store.Open("c1", Store::Locked::kGiveUp).status()));
  EXPECT_TRUE(handle->Remove().ok());
  EXPECT_TRUE(store.List().empty());
  EXPECT_TRUE(absl::IsNotFound(store.Open("c1").status()));
}

TEST_F(StoreTest, RemainsOfKilledCommandsAreAbandoned) {
  const Store store(top_ + "/root");
  auto handle = store.Create("c1");
  ASSERT_TRUE(handle.ok());
  EXPECT_TRUE(IsAbandoned(*handle->Load()));  // no record yet
  Record record{.id = "c1", .created = "now", .phase = Phase::kRunning};
  EXPECT_FALSE(IsAbandoned(record));  // stopped, and somebody may ask for it
  record.ephemeral = true;
  EXPECT_TRUE(IsAbandoned(record));
  record.stand_in = IdentifyProcess(::getpid());
  EXPECT_FALSE(IsAbandoned(record));
  EXPECT_TRUE(handle->Remove().ok());
}

TEST_F(StoreTest, CreationAndClearingAtTheSameTimeAgree) {
  // A directory looks abandoned until its maker has locked it; the maker makes it again.
  const Store store(top_ + "/root");
  std::atomic<bool> done{false};
  std::thread clearing([&] {
    while (!done.load()) {
      for (const std::string& id : store.List()) {
        auto handle = store.Open(id);
        if (!handle.ok()) continue;
        auto record = handle->Load();
        if (record.ok() && IsAbandoned(*record)) (void)handle->Remove();
      }
    }
  });
  for (int i = 0; i < 200; ++i) {
    auto handle = store.Create("c1");
    ASSERT_TRUE(handle.ok()) << handle.status().ToString();
    ASSERT_TRUE(handle->Save({.id = "c1", .created = "now", .phase = Phase::kCreated}).ok());
    ASSERT_TRUE(handle->Remove().ok());
  }
  done = true;
  clearing.join();
}

TEST_F(StoreTest, ARootThatOthersCanWriteIsRefused) {
  const Store store(top_ + "/root");
  ASSERT_EQ(::mkdir((top_ + "/root").c_str(), 0700), 0);
  ASSERT_EQ(::chmod((top_ + "/root").c_str(), 0777), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(store.Create("c1").status()));
}

TEST(CheckId, TakesRuncsAlphabetOnly) {
  for (const char* good : {"a", "A_z+0-9.x", "-", "..."}) EXPECT_TRUE(CheckId(good).ok()) << good;
  for (const char* bad : {"", ".", "..", "a/b", "a b", "\xc3\xa9", "a\n"}) EXPECT_FALSE(CheckId(bad).ok()) << bad;
  EXPECT_FALSE(CheckId(std::string(256, 'x')).ok());
}

TEST(Process, ADeadOrRecycledPidIsNotAlive) {
  ProcessId self = IdentifyProcess(::getpid());
  EXPECT_TRUE(IsAlive(self));
  EXPECT_TRUE(OpenProcess(self).valid());
  self.start_time += 1;
  EXPECT_FALSE(IsAlive(self));
  EXPECT_FALSE(OpenProcess(self).valid());
  EXPECT_TRUE(WaitGone(self, 0));
  EXPECT_FALSE(IsAlive({}));
}

}  // namespace
}  // namespace ringwall::container
