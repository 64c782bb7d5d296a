// What the command line writes is what the sentry reads, byte for byte.
#include "runsc-cli/boot/boot_config.h"

#include <gtest/gtest.h>

namespace ringwall::boot {
namespace {

TEST(BootConfig, SurvivesTheJourneyWithBytesThatAreNotUtf8) {
  BootConfig config;
  config.container_id = "a";
  config.process.args = {"/bin/echo", "\xff\xfe caf\xc3\xa9", ""};
  config.process.env = {"X=\x80\"\\\n"};
  config.process.cap_effective = (uint64_t{1} << 40) | 1;
  config.process.limits = {{.resource = 7, .soft = 1024, .hard = UINT64_MAX}};
  config.process.additional_gids = {4, 20};
  config.mounts = {{.destination = "/"}, {.destination = "/dev", .kind = MountKind::kTmpfs, .no_suid = true, .data = "mode=755"}};
  config.sysctl = {{"kernel.x", "1\xff"}};
  config.identity = BootConfig::Identity::kNobodyOnly;
  config.control_uids = {1};
  auto back = ParseBootConfig(FormatBootConfig(config));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->process.args, config.process.args);
  EXPECT_EQ(back->process.env, config.process.env);
  EXPECT_EQ(back->process.cap_effective, config.process.cap_effective);
  ASSERT_EQ(back->process.limits.size(), 1u);
  EXPECT_EQ(back->process.limits[0].hard, UINT64_MAX);
  EXPECT_EQ(back->process.additional_gids, config.process.additional_gids);
  ASSERT_EQ(back->mounts.size(), 2u);
  EXPECT_EQ(back->mounts[1].kind, MountKind::kTmpfs);
  EXPECT_TRUE(back->mounts[1].no_suid);
  EXPECT_EQ(back->mounts[1].data, "mode=755");
  EXPECT_EQ(back->sysctl, config.sysctl);
  EXPECT_EQ(back->identity, config.identity);
  EXPECT_EQ(back->control_uids, config.control_uids);
  EXPECT_EQ(back->hostname, "ringwall");
}

TEST(GoferConfig, KeepsItsDefaults) {
  GoferConfig config{.container_id = "x", .mounts = {{.source = "/a b"}}};
  auto back = ParseGoferConfig(FormatGoferConfig(config));
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back->mounts.size(), 1u);
  EXPECT_EQ(back->mounts[0].source, "/a b");
  EXPECT_TRUE(back->mounts[0].recursive);
  EXPECT_TRUE(back->mounts[0].cross_mounts);
  EXPECT_FALSE(back->mounts[0].read_only);
}

}  // namespace
}  // namespace ringwall::boot
