"""Tests of the lint on small trees made on the spot: every rule is seen to fire, and to stay silent."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import check_code  # noqa: E402
import check_files  # noqa: E402
import check_headers  # noqa: E402
import lint  # noqa: E402
from source import Source  # noqa: E402

FIRST = "// A file for a test.\n"


class Tree(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="ringwall-lint.")
        self.addCleanup(shutil.rmtree, self.root)
        self.write("tools/lint/layers.toml", (HERE / "layers.toml").read_text())

    def write(self, path, text):
        target = pathlib.Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def source(self, path, body):
        self.write(path, FIRST + ("#pragma once\n" if path.endswith(".h") else "") + body)

    def run_lint(self, *groups):
        return lint.findings(self.root, groups or ("layers", "files", "code"))

    def assert_finding(self, path, part, *groups, warning=False):
        found = self.run_lint(*groups)
        self.assertTrue(any(f.path == path and part in f.message and f.warning == warning for f in found), [f.text() for f in found])

    def assert_clean(self, *groups):
        self.assertEqual([f.text() for f in self.run_lint(*groups)], [])


class LayersTest(Tree):
    def test_lower_layers_may_be_used(self):
        self.source("sentry/vfs/dentry.cc", '#include "base/error/result.h"\n#include "sentry/mm/mm.h"\n#include <string>\n#include "absl/strings/str_cat.h"\n')
        self.assert_clean()

    def test_syscalls_never_include_host_platform_or_gofer(self):
        for name in ("host/calls/memfd.h", "platform/platform.h", "gofer/client/client.h"):
            self.source("syscalls/fd/read.cc", f'#include "{name}"\n')
            self.assert_finding("syscalls/fd/read.cc", name)

    def test_handlers_do_not_include_libc_doors(self):
        self.source("syscalls/fd/read.cc", "#include <unistd.h>\n")
        self.assert_finding("syscalls/fd/read.cc", "<unistd.h>")

    def test_platforms_do_not_know_each_other(self):
        self.source("platform/kvm/machine.cc", '#include "platform/ptrace/tracee.h"\n')
        self.assert_finding("platform/kvm/machine.cc", "must not include")

    def test_platform_may_not_include_the_sentry(self):
        self.source("platform/ptrace/tracee.cc", '#include "sentry/task/task.h"\n')
        self.assert_finding("platform/ptrace/tracee.cc", "sentry/task/task.h")

    def test_host_and_abi_never_meet(self):
        self.source("host/calls/a.cc", '#include "abi/stat.h"\n')
        self.assert_finding("host/calls/a.cc", "abi/stat.h")

    def test_abi_has_no_host_headers_except_in_verify(self):
        self.source("abi/stat.h", "#include <sys/stat.h>\n")
        self.source("abi/verify.cc", '#include <linux/stat.h>\n#include "abi/stat.h"\n')
        found = self.run_lint("layers")
        self.assertEqual([f.path for f in found], ["abi/stat.h"])

    def test_the_host_touch_list_is_open_and_the_file_beside_it_is_not(self):
        self.source("sentry/mm/memory_file.cc", '#include "host/calls/memfd.h"\n')
        self.source("sentry/mm/fault.cc", '#include "host/calls/memfd.h"\n')
        self.assertEqual([f.path for f in self.run_lint("layers")], ["sentry/mm/fault.cc"])

    def test_sentry_knows_the_platform_interface_only(self):
        self.source("sentry/task/task.cc", '#include "platform/platform.h"\n#include "platform/ptrace/tracee.h"\n')
        self.assertEqual([f.line for f in self.run_lint("layers")], [3])

    def test_rooms_of_sentry_point_downwards(self):
        self.source("sentry/mm/address_space.cc", '#include "sentry/vfs/file.h"\n')
        self.assert_finding("sentry/mm/address_space.cc", "below sentry/vfs")
        self.source("sentry/mm/address_space.cc", '#include "sentry/context/context.h"\n')
        self.assert_clean("layers")

    def test_task_viewing_file_systems_are_above_the_task_ring(self):
        self.source("sentry/fs/proc/stat.cc", '#include "sentry/task/task.h"\n')
        self.assert_clean("layers")
        self.source("sentry/fs/tmpfs/inode.cc", '#include "sentry/task/task.h"\n')
        self.assert_finding("sentry/fs/tmpfs/inode.cc", "below sentry/task")

    def test_the_task_ring_is_entangled_but_other_levels_have_no_cycle(self):
        self.source("sentry/signal/a.cc", '#include "sentry/task/task.h"\n')
        self.source("sentry/task/a.cc", '#include "sentry/signal/set.h"\n')
        self.assert_clean("layers")
        self.source("sentry/pipe/a.cc", '#include "sentry/socket/b.h"\n')
        self.assert_clean("layers")
        self.source("sentry/socket/b.cc", '#include "sentry/pipe/a.h"\n')
        self.assertTrue(any("cycle" in f.message for f in self.run_lint("layers")))

    def test_the_kernel_object_is_named_by_the_ring_but_not_in_its_headers(self):
        self.source("sentry/task/a.cc", '#include "sentry/kernel/kernel.h"\n')
        self.assert_clean("layers")
        self.source("sentry/task/a.h", '#include "sentry/kernel/kernel.h"\n')
        self.source("sentry/mm/a.cc", '#include "sentry/kernel/kernel.h"\n')
        self.assertEqual([f.path for f in self.run_lint("layers")], ["sentry/mm/a.cc", "sentry/task/a.h"])

    def test_observe_is_open_to_all_and_its_headers_stay_low(self):
        self.source("sentry/wait/queue.cc", '#include "sentry/observe/trace.h"\n')
        self.source("sentry/observe/dump.cc", '#include "sentry/task/task.h"\n')
        self.assert_clean("layers")
        self.source("sentry/observe/trace.h", '#include "sentry/task/task.h"\n')
        self.assert_finding("sentry/observe/trace.h", "header that every room")

    def test_nobody_includes_tests_except_unit_tests(self):
        self.source("base/a.cc", '#include "tests/lib/call.h"\n')
        self.assert_finding("base/a.cc", "nobody includes")
        self.source("base/a.cc", "")
        self.source("base/a_test.cc", '#include "tests/lib/call.h"\n#include <gtest/gtest.h>\n#include <unistd.h>\n')
        self.assert_clean("layers")

    def test_libraries_with_one_owner(self):
        self.source("host/seccomp/compile.cc", "#include <seccomp.h>\n")
        self.source("runsc-cli/oci/parse.cc", "#include <nlohmann/json.hpp>\n")
        self.assert_clean("layers")
        self.source("host/seccomp/compile.h", "#include <seccomp.h>\n")
        self.source("runsc-cli/cmd/run.cc", "#include <nlohmann/json.hpp>\n")
        self.assertEqual([f.path for f in self.run_lint("layers")], ["host/seccomp/compile.h", "runsc-cli/cmd/run.cc"])

    def test_only_boot_composes_the_kernel(self):
        self.source("runsc-cli/cmd/run.cc", '#include "sentry/kernel/kernel.h"\n')
        self.assert_finding("runsc-cli/cmd/run.cc", "sentry/kernel")
        self.source("runsc-cli/cmd/run.cc", "")
        self.source("runsc-cli/boot/boot.cc", '#include "sentry/kernel/kernel.h"\n#include "platform/ptrace/ptrace.h"\n#include "syscalls/table.h"\n')
        self.assert_clean("layers")

    def test_includes_are_root_relative(self):
        self.source("base/ref/a.cc", '#include "ref.h"\n')
        self.assert_finding("base/ref/a.cc", "root-relative")

    def test_a_file_outside_every_room_is_named(self):
        self.source("util/a.cc", "")
        self.assert_finding("util/a.cc", "no room")


class FilesTest(Tree):
    def test_pragma_and_first_line(self):
        self.write("base/a.h", "#include <string>\n")
        found = {f.check for f in self.run_lint("files")}
        self.assertEqual(found, {"pragma", "first-line"})

    def test_sizes(self):
        self.source("base/a.cc", "\n" * 450)
        self.assert_finding("base/a.cc", "two jobs", "files", warning=True)
        self.source("base/a.cc", "\n" * 900)
        self.assert_finding("base/a.cc", "ceiling", "files")
        self.source("base/a.cc", "")
        self.source("base/a.h", "\n" * 260)
        self.assert_finding("base/a.h", "two jobs", "files", warning=True)

    def test_the_allow_list_only_shrinks(self):
        self.source("base/a.cc", "\n" * 900)
        self.write(check_files.ALLOW_LIST, "# sizes\nbase/a.cc 901\n")
        self.assert_clean("files")
        self.source("base/a.cc", "\n" * 910)
        self.assert_finding("base/a.cc", "may only shrink", "files")
        self.source("base/a.cc", "\n" * 20)
        self.assert_finding("base/a.cc", "take it off", "files")
        os.unlink(os.path.join(self.root, "base/a.cc"))
        self.assert_finding(check_files.ALLOW_LIST, "does not exist", "files")

    def test_a_new_entry_of_the_allow_list_is_refused(self):
        git = ["git", "-C", self.root, "-c", "user.name=t", "-c", "user.email=t@example.org"]
        self.write(check_files.ALLOW_LIST, "# sizes\n")
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
            subprocess.run(git + command, check=True, capture_output=True)
        self.source("base/a.cc", "\n" * 900)
        self.write(check_files.ALLOW_LIST, "# sizes\nbase/a.cc 901\n")
        self.assert_finding(check_files.ALLOW_LIST, "may only shrink", "files")

    def test_open_ends_name_their_issue(self):
        word = "TO" + "DO"
        self.source("base/a.cc", f"// {word}: later\n")
        self.assert_finding("base/a.cc", "names its issue", "files")
        self.source("base/a.cc", f"// {word}(#12): later\n// mkstemp wants XXXXXX\n")
        self.assert_clean("files")

    def test_machine_paths(self):
        self.source("base/a.cc", "// see /" + "work/main/x\n")
        self.assert_finding("base/a.cc", "machine", "files")
        self.source("base/a.cc", '// at "/tmp/x", /home, /proc/self/exe, https://example.org/' + "work/x\n")
        self.assert_clean("files")


class TryTest(Tree):
    def findings_in(self, body):
        self.source("base/a.cc", body)
        return [f.line for f in self.run_lint("code") if f.check == "try"]

    def test_statements_and_initialisers(self):
        self.assertEqual(self.findings_in(
            "void f() {\n  TRY(a());\n  auto x = TRY(b(1, g(2)));\n  x_ = TRY(c());\n  if (y) TRY(d());\n  else TRY(e());\n  return TRY(h());\n"
            "  switch (z) { case 1: TRY(i()); }\n  const auto [p, q] = TRY(j(\n      k));\n}\n"), [])

    def test_braces_arguments_and_expressions(self):
        self.assertEqual(self.findings_in("void f() {\n  A a{D(3), TRY(b())};\n}\n"), [3])
        self.assertEqual(self.findings_in("void f() {\n  A a = {.x = TRY(b()), .y = 1};\n}\n"), [3])
        self.assertEqual(self.findings_in("void f() {\n  g(TRY(b()));\n}\n"), [3])
        self.assertEqual(self.findings_in("void f() {\n  auto n = 1 + TRY(b());\n}\n"), [3])
        self.assertEqual(self.findings_in("void f() {\n  TRY(b())->Run();\n}\n"), [3])
        self.assertEqual(self.findings_in("A f() {\n  return {TRY(b()), 2};\n}\n"), [3])

    def test_comments_strings_and_macros_are_no_code(self):
        self.assertEqual(self.findings_in('// g(TRY(b()));\nconst char* s = "g(TRY(b()))";\n#define TWICE(x) g(TRY(x))\nint ENTRY(int);\n'), [])


class LocksTest(Tree):
    RANKS = "enum class LockRank {\n  kPidTable = 30,  // why\n  kTask = 60,  // why\n};\n"

    def ranks(self, text):
        self.source("base/sync/lock_order.h", text)

    def test_ranked_mutex_is_fine(self):
        self.ranks(self.RANKS)
        self.source("sentry/task/a.h", "Mutex<LockRank::kTask> mu_;\nint x_ ABSL_GUARDED_BY(mu_);\nMutex<LockRank::kPidTable> other_;\n")
        self.assert_clean("code")

    def test_foreign_locks(self):
        self.source("sentry/task/a.h", "std::mutex mu_;\n")
        self.assert_finding("sentry/task/a.h", "std::mutex", "code")

    def test_a_mutex_names_its_rank(self):
        self.source("sentry/task/a.h", "Mutex<7> mu_;\n")
        self.assert_finding("sentry/task/a.h", "names no rank", "code")

    def test_rank_table(self):
        self.ranks("enum class LockRank {\n  kNone = 0,  // why\n  kTask = 60,\n  kPidTable = 30,  // why\n};\n")
        messages = " ".join(f.message for f in self.run_lint("code") if not f.warning)
        self.assertIn("no rank that means no rank", messages)
        self.assertIn("kTask: one line", messages)
        self.assertIn("outermost first", messages)

    def test_unused_ranks_are_reported(self):
        self.ranks(self.RANKS)
        self.assert_finding("base/sync/lock_order.h", "kTask: no lock", "code", warning=True)

    def test_a_mutex_guards_something(self):
        self.source("sentry/task/a.h", "  Mutex<LockRank::kTask> mu_;\n")
        self.assert_finding("sentry/task/a.h", "guards nothing", "code", warning=True)


class FilterTest(Tree):
    def test_every_rule_gives_its_reason(self):
        self.source("gofer/server/filter.cc", 'const Rule kRules[] = {\n    {"read", {}, "requests arrive on the socket"},\n    {"write", {}, ""},\n'
                    '    {.call = "close", .why = "descriptors are given "\n        "back"},\n};\n')
        found = self.run_lint("code")
        self.assertEqual([(f.line, f.message) for f in found], [(4, "the rule for write gives no reason")])

    def test_rules_that_are_added_by_a_call_or_by_number(self):
        self.source("runsc-cli/boot/filter.cc", 'void F() {\n  p.Allow("ioctl", {ArgEquals(1, TCGETS)}, "isatty of the log");\n  p.Allow("mmap", {ArgEquals(0, 1)});\n'
                    '  // p.Allow("read");\n}\nconst R k[] = {{SCMP_SYS(close), "gives back"}, {SYS_openat2}};\nfor (int n : {SYS_time, SYS_getcpu}) {}\n')
        self.assertEqual([f.message for f in self.run_lint("code")], ["the rule for mmap gives no reason", "the rule for openat2 gives no reason"])


class HeadersTest(Tree):
    def test_headers_compile_alone_and_the_result_is_kept(self):
        self.source("base/good.h", "#include <string>\ninline std::string F() { return {}; }\n")
        self.source("base/bad.h", "inline std::string G() { return {}; }\n")
        self.assert_finding("base/bad.h", "does not compile alone", "headers")
        original, calls = check_headers.compile_header, []
        self.addCleanup(setattr, check_headers, "compile_header", original)
        check_headers.compile_header = lambda root, header: calls.append(header) or original(root, header)
        self.run_lint("headers")
        self.assertEqual(calls, ["base/bad.h"])
        self.source("base/good.h", "inline std::string F() { return {}; }\n")
        self.assert_finding("base/good.h", "does not compile alone", "headers")

    def test_a_header_included_first_by_its_source_is_proved_by_the_build(self):
        self.source("base/a.h", "std::string broken;\n")
        self.source("base/a.cc", '#include "base/a.h"\n')
        self.assert_clean("headers")

    def test_the_generated_page_is_fresh(self):
        self.write("build/debug/gen_compat", "#!/bin/sh\necho fresh\n")
        os.chmod(os.path.join(self.root, "build/debug/gen_compat"), 0o755)
        self.write("COMPATIBILITY.md", "old\n")
        self.assert_finding("COMPATIBILITY.md", "stale", "generated")
        self.write("COMPATIBILITY.md", "fresh\n")
        self.assert_clean("generated")


class SourceTest(Tree):
    def test_blanking_keeps_lines_and_lengths(self):
        self.write("base/a.cc", '// one "two\nint a = 1\'000; /* x\ny */ const char* s = R"(a "quoted" //)"; char c = \'"\';\n')
        source = Source(self.root, "base/a.cc")
        self.assertEqual(len(source.code), len(source.text))
        self.assertEqual(source.code.count("\n"), source.text.count("\n"))
        self.assertIn("int a = 1'000;", source.code)
        self.assertNotIn("quoted", source.code)

    def test_checks_work_on_a_tree_without_git(self):
        self.assertIn("tools/lint/layers.toml", [s.path for s in lint.tree(self.root)])
        self.assertEqual(list(check_code.check([])), [])


if __name__ == "__main__":
    unittest.main()
