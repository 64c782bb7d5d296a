// User namespaces: maps as they are written (user_namespaces(7)), hostile ones too, and what capabilities reach.
#include "sentry/cred/user_namespace.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "abi/capability.h"
#include "abi/clone.h"
#include "sentry/cred/credentials.h"

namespace ringwall::cred {
namespace {

Ref<UserNamespace> Child(const Credentials& creator) { return UserNamespace::Create(creator, false).value(); }

Ref<Credentials> Inside(const Credentials& outer, const Ref<UserNamespace>& ns) {
  Ref<Credentials> creds = outer.Clone();
  creds->EnterUserNamespace(ns);
  return creds;
}

TEST(UserNamespace, InitialMapsEverythingToItself) {
  const Ref<UserNamespace>& initial = UserNamespace::Initial();
  EXPECT_EQ(initial->ToKernel(IdKind::kUid, 1000), 1000u);
  EXPECT_EQ(initial->Show(IdKind::kGid, 7), 7u);
  EXPECT_FALSE(initial->ToKernel(IdKind::kUid, ~0u).has_value());
}

TEST(UserNamespace, MapsBothWays) {
  const Ref<Credentials> root = Credentials::Root();
  const Ref<UserNamespace> ns = Child(*root);
  EXPECT_EQ(ns->Show(IdKind::kUid, 0), kOverflowId);
  ASSERT_TRUE(ns->WriteMap(IdKind::kUid, *root, *root, "0 1000 10\n20 5000 1").ok());
  EXPECT_EQ(ns->ToKernel(IdKind::kUid, 9), 1009u);
  EXPECT_FALSE(ns->ToKernel(IdKind::kUid, 10).has_value());
  EXPECT_EQ(ns->FromKernel(IdKind::kUid, 5000), 20u);
  EXPECT_EQ(ns->Show(IdKind::kUid, 5001), kOverflowId);
  EXPECT_EQ(ns->WriteMap(IdKind::kUid, *root, *root, "0 0 1"), Errno::kEPERM);  // once
}

TEST(UserNamespace, NestedExtentsMustLieWithinOneOfTheParent) {
  const Ref<Credentials> root = Credentials::Root();
  const Ref<UserNamespace> outer = Child(*root);
  ASSERT_TRUE(outer->WriteMap(IdKind::kUid, *root, *root, "0 100 5\n5 300 5").ok());
  ASSERT_TRUE(outer->WriteMap(IdKind::kGid, *root, *root, "0 100 10").ok());
  Ref<Credentials> inside = Inside(*root, outer);
  inside->uid = inside->euid = inside->suid = inside->fsuid = 100;
  inside->gid = inside->egid = inside->sgid = inside->fsgid = 100;
  const Ref<UserNamespace> inner = Child(*inside);
  EXPECT_EQ(inner->WriteMap(IdKind::kUid, *inside, *inside, "0 3 4"), Errno::kEPERM);
  EXPECT_TRUE(inner->WriteMap(IdKind::kUid, *inside, *inside, "0 5 4").ok());
  EXPECT_EQ(inner->ToKernel(IdKind::kUid, 1), 301u);
}

TEST(UserNamespace, CapabilitiesReachDownOnly) {
  const Ref<Credentials> root = Credentials::Root();
  const Ref<UserNamespace> ns = Child(*root);
  const Ref<Credentials> inside = Inside(*root, ns);
  EXPECT_TRUE(inside->HasIn(*ns, abi::kCAP_SYS_ADMIN));
  EXPECT_FALSE(inside->HasIn(*UserNamespace::Initial(), abi::kCAP_SYS_ADMIN));
  EXPECT_FALSE(inside->Has(abi::kCAP_SYS_ADMIN));
  EXPECT_TRUE(root->HasIn(*ns, abi::kCAP_SYS_ADMIN));
  // The maker, without capabilities of its own; a stranger.
  Ref<Credentials> maker = root->Clone();
  maker->effective = 0;
  EXPECT_TRUE(maker->HasIn(*ns, abi::kCAP_SYS_ADMIN));
  maker->euid = 5;
  EXPECT_FALSE(maker->HasIn(*ns, abi::kCAP_SYS_ADMIN));
}

TEST(UserNamespace, LimitsCountTheWholeTree) {
  const Ref<Credentials> root = Credentials::Root();
  const Ref<UserNamespace> ns = Child(*root);
  const Ref<Credentials> inside = Inside(*root, ns);
  ns->SetLimit(UserNamespace::Counted::kUts, 1);
  EXPECT_TRUE(ns->Charge(UserNamespace::Counted::kUts).ok());
  EXPECT_EQ(ns->Charge(UserNamespace::Counted::kUts), Errno::kENOSPC);
  ns->Refund(UserNamespace::Counted::kUts);
  EXPECT_TRUE(ns->Charge(UserNamespace::Counted::kUts).ok());
  ns->Refund(UserNamespace::Counted::kUts);
}

TEST(UserNamespace, RandomTextNeverMapsAnIdTwice) {
  std::mt19937 random(7);
  const Ref<Credentials> root = Credentials::Root();
  const std::string alphabet = "0123456789 \n\t-4294967295";
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (size_t n = random() % 40; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const Ref<UserNamespace> ns = Child(*root);
    if (!ns->WriteMap(IdKind::kUid, *root, *root, text).ok()) continue;
    for (const uint32_t id : {0u, 1u, 42u, 65534u, ~0u - 1}) {
      const auto kernel_id = ns->ToKernel(IdKind::kUid, id);
      if (!kernel_id.has_value()) continue;
      EXPECT_EQ(ns->FromKernel(IdKind::kUid, *kernel_id), id) << text;
    }
  }
}

}  // namespace
}  // namespace ringwall::cred
