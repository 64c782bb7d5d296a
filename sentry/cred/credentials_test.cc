// Credentials: id transitions of credentials(7) and their effect on capabilities.
#include "sentry/cred/credentials.h"

#include <gtest/gtest.h>

namespace ringwall::cred {
namespace {

Ref<Credentials> User(uint32_t id) {
  Ref<Credentials> c = MakeRef<Credentials>();
  c->uid = c->euid = c->suid = c->fsuid = id;
  c->gid = c->egid = c->sgid = c->fsgid = id;
  c->bounding = kAllCapabilities;
  return c;
}

TEST(Credentials, RootBecomesUserForGoodAndLosesEverything) {
  Ref<Credentials> c = Credentials::Root();
  ASSERT_TRUE(c->SetUid(1000).ok());
  EXPECT_EQ(c->uid, 1000u);
  EXPECT_EQ(c->suid, 1000u);
  EXPECT_EQ(c->fsuid, 1000u);
  EXPECT_EQ(c->permitted, 0u);
  EXPECT_EQ(c->effective, 0u);
  EXPECT_TRUE(c->SetUid(0) == Errno::kEPERM);
}

TEST(Credentials, KeepCapsKeepsPermittedOnly) {
  Ref<Credentials> c = Credentials::Root();
  c->securebits = abi::kSECBIT_KEEP_CAPS;
  ASSERT_TRUE(c->SetUid(1000).ok());
  EXPECT_EQ(c->permitted, kAllCapabilities);
  EXPECT_EQ(c->effective, 0u);
}

TEST(Credentials, EffectiveIdGoesAndComesBackThroughTheSavedOne) {
  Ref<Credentials> c = Credentials::Root();
  ASSERT_TRUE(c->SetResUid(~0u, 1000, ~0u).ok());
  EXPECT_EQ(c->effective, 0u);
  EXPECT_EQ(c->permitted, kAllCapabilities);
  ASSERT_TRUE(c->SetResUid(~0u, 0, ~0u).ok());
  EXPECT_EQ(c->effective, kAllCapabilities);
}

TEST(Credentials, SetreuidMovesTheSavedIdByTheManPagesRule) {
  Ref<Credentials> c = User(1000);
  c->suid = 2000;
  ASSERT_TRUE(c->SetReUid(~0u, 2000).ok());
  EXPECT_EQ(c->euid, 2000u);
  EXPECT_EQ(c->suid, 2000u);
  EXPECT_TRUE(c->SetReUid(3000, ~0u) == Errno::kEPERM);
  // The saved id is no choice for the real one.
  Ref<Credentials> d = User(1000);
  d->suid = 2000;
  EXPECT_TRUE(d->SetReUid(2000, ~0u) == Errno::kEPERM);
}

TEST(Credentials, FsUidTakesAndGivesFileCapabilities) {
  Ref<Credentials> c = Credentials::Root();
  EXPECT_EQ(c->SetFsUid(1000), 0u);
  EXPECT_FALSE(c->Has(abi::kCAP_DAC_OVERRIDE));
  EXPECT_TRUE(c->Has(abi::kCAP_SETUID));
  EXPECT_EQ(c->SetFsUid(0), 1000u);
  EXPECT_TRUE(c->Has(abi::kCAP_DAC_OVERRIDE));
  Ref<Credentials> u = User(5);
  EXPECT_EQ(u->SetFsUid(6), 5u);
  EXPECT_EQ(u->fsuid, 5u);
}

TEST(Credentials, GroupsNeedTheCapability) {
  Ref<Credentials> u = User(5);
  EXPECT_TRUE(u->SetGroups({1, 2}) == Errno::kEPERM);
  Ref<Credentials> c = Credentials::Root();
  ASSERT_TRUE(c->SetGroups({9, 3, 7}).ok());
  EXPECT_TRUE(c->InGroup(3));
  EXPECT_TRUE(c->InGroup(9));
  EXPECT_FALSE(c->InGroup(4));
  EXPECT_TRUE(c->SetGroups(std::vector<uint32_t>(65537)) == Errno::kEINVAL);
}

TEST(Credentials, CapsetOnlyShrinksPermitted) {
  Ref<Credentials> c = User(5);
  c->permitted = CapBit(abi::kCAP_CHOWN) | CapBit(abi::kCAP_KILL);
  EXPECT_TRUE(c->SetCapabilities(0, CapBit(abi::kCAP_MKNOD), 0) == Errno::kEPERM);
  EXPECT_TRUE(c->SetCapabilities(CapBit(abi::kCAP_KILL), CapBit(abi::kCAP_CHOWN), 0) == Errno::kEPERM);
  EXPECT_TRUE(c->SetCapabilities(CapBit(abi::kCAP_CHOWN), CapBit(abi::kCAP_CHOWN), CapBit(abi::kCAP_CHOWN)).ok());
  EXPECT_TRUE(c->SetCapabilities(0, CapBit(abi::kCAP_KILL), 0) == Errno::kEPERM);
}

TEST(Credentials, ExecOfSetUserIdRootFileGivesTheBoundingSet) {
  Ref<Credentials> c = User(1000);
  c->bounding = CapBit(abi::kCAP_CHOWN) | CapBit(abi::kCAP_KILL);
  c->ambient = 0;
  c->ApplyExec(0, ~0u);
  EXPECT_EQ(c->uid, 1000u);
  EXPECT_EQ(c->euid, 0u);
  EXPECT_EQ(c->suid, 0u);
  EXPECT_EQ(c->permitted, c->bounding);
  EXPECT_EQ(c->effective, c->bounding);
}

TEST(Credentials, ExecUnderNoNewPrivsIgnoresSetId) {
  Ref<Credentials> c = User(1000);
  c->no_new_privs = true;
  c->ApplyExec(0, 0);
  EXPECT_EQ(c->euid, 1000u);
  EXPECT_EQ(c->egid, 1000u);
  EXPECT_EQ(c->permitted, 0u);
}

TEST(Credentials, ExecOfPlainFileKeepsAmbientAndDropsTheRest) {
  Ref<Credentials> c = User(1000);
  c->permitted = c->effective = CapBit(abi::kCAP_CHOWN) | CapBit(abi::kCAP_KILL);
  c->inheritable = c->ambient = CapBit(abi::kCAP_KILL);
  c->ApplyExec(~0u, ~0u);
  EXPECT_EQ(c->permitted, CapBit(abi::kCAP_KILL));
  EXPECT_EQ(c->effective, CapBit(abi::kCAP_KILL));
}

}  // namespace
}  // namespace ringwall::cred
