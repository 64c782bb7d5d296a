"""The choice of a platform: flag, annotation, `doctor`. Each case gets a World, as in cases.py."""
import json
import os
import subprocess
import sys

from world import Skip

ANNOTATION = "dev.ringwall.platform"


def all_cases(kind):
    for name, value in sorted(globals().items()):
        if name.startswith("case_"):
            yield name[5:], value


def annotated(value):
    def change(config):
        config["annotations"] = {ANNOTATION: value}
    return change


def doctor(w, code=0):
    return json.loads(w.check("doctor", "--format", "json", code=code).out)


def working(w):
    return [platform["name"] for platform in doctor(w)["platforms"] if platform["available"]]


def case_platform_names_are_checked_before_anything_happens(w):
    for bad, wanted in (("fast", "wanted auto, systrap, ptrace or kvm"), ("kvm", "not available in this version")):
        result = w.check(f"--platform={bad}", "run", "--bundle", w.bundle(), "c1", code=1)
        assert result.err.count("\n") == 1 and result.err.startswith("ringwall: --platform: ") and wanted in result.err, result.err
        assert not os.path.exists(os.path.join(w.root, "c1"))
    result = w.check("--platform=fast", "do", "--", "true", code=125)
    assert "wanted auto" in result.err, result.err


def case_platform_annotation_is_checked_and_named(w):
    bundle = w.bundle(change=annotated("fast"))
    for flags in ([], ["--platform=ptrace"]):
        result = w.check(*flags, "run", "--bundle", bundle, "c1", code=1)
        assert f'config.json: annotations["{ANNOTATION}"]: found "fast"' in result.err and result.err.count("\n") == 1, result.err
        assert not os.path.exists(os.path.join(w.root, "c1"))


def case_platform_is_the_annotations_unless_the_flag_says_so(w):
    if w.kind == "double":
        raise Skip("the double has no platform")
    names = working(w)
    for asked in names:
        for flag in ["auto", *names]:
            bundle = w.bundle(args=w.words(None, "exit 7"), change=annotated(asked))
            w.check(f"--platform={flag}", "run", "--bundle", bundle, "c1", code=7)
    missing = [name for name in ("systrap", "ptrace") if name not in names]
    for name in missing:
        # Named, a platform is taken or refused, never replaced.
        result = w.check("--platform=auto", "run", "--bundle", w.bundle(change=annotated(name)), "c1", code=1)
        assert name in result.err and result.err.count("\n") == 1, result.err


def case_platform_auto_says_what_it_took(w):
    if w.kind == "double":
        raise Skip("the double has no platform")
    taken = doctor(w)["auto"]["platform"]
    w.check("--platform=auto", "--debug", "run", "--bundle", w.bundle(), "c1")
    lines = [line["msg"] for line in w.log_lines() if line["msg"].startswith("platform: ")]
    assert len(lines) == 1 and lines[0].startswith(f"platform: {taken}"), lines


# As a container engine's seccomp agent: a filter with a listener (here for acct(2)) above everything that it starts.
UNDER_A_LISTENER = """
import ctypes, os, subprocess, sys
class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
code = (Filter * 4)(Filter(0x20, 0, 0, 0), Filter(0x15, 0, 1, 163), Filter(6, 0, 0, 0x7fc00000), Filter(6, 0, 0, 0x7fff0000))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
listener = libc.syscall(317, 1, 8, ctypes.byref(Program(4, code)))
if listener < 0:
    sys.exit(77)
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def under_a_listener(w, *args):
    done = subprocess.run([sys.executable, "-c", UNDER_A_LISTENER, *w.command(*args)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, cwd=w.top)
    if done.returncode == 77:
        raise Skip("no seccomp listener can be made here")
    return done


def case_platform_auto_falls_back_where_a_listener_is_above_us(w):
    if w.kind == "double" or w.platform != "auto":
        raise Skip("about the choice of the real program")
    if working(w) != ["systrap", "ptrace"]:
        raise Skip("needs both platforms")
    report = json.loads(under_a_listener(w, "doctor", "--format", "json").stdout)
    assert report["auto"]["platform"] == "ptrace" and "listener" in report["auto"]["why"], report["auto"]
    finding = next(check for check in report["checks"] if check["check"] == "notification")
    assert finding["state"] == "warn" and "above us" in finding["cause"], finding
    done = under_a_listener(w, "--debug", "do", "--", "true")
    assert done.returncode == 0, done.stderr
    assert any(line["msg"].startswith("platform: ptrace, which is slower, because: ") for line in w.log_lines())
    done = under_a_listener(w, "--platform=systrap", "do", "--", "true")
    assert done.returncode == 125 and done.stderr.count("\n") == 1 and "listener" in done.stderr, done.stderr


def case_doctor_explains_the_machine(w):
    if w.kind == "double":
        raise Skip("the double runs no true(1)")
    report = doctor(w)
    names = {check["check"] for check in report["checks"]}
    assert {"kernel", "cpu", "yama", "ptrace", "seccomp", "notification", "namespaces", "memfd", "limits", "cgroups", "kvm"} <= names, names
    for check in report["checks"]:
        assert check["state"] in ("ok", "warn", "fail") and check["evidence"], check
        assert (check["state"] == "ok") == (not check["cause"]) == (not check["fix"]), check
    for platform in report["platforms"]:
        assert platform["works"] != bool(platform["reason"]), platform
    text = w.check("doctor").out
    assert f"--platform=auto takes {report['auto']['platform']}: " in text, text
    assert w.check("doctor", "--format=yaml", code=1).err.count("\n") == 1


def case_do_works_for_an_ordinary_user(w):
    if w.kind == "double" or os.geteuid() != 0:
        raise Skip("needs real programs, and root to become somebody else")
    os.chmod(w.top, 0o755)
    flags = [] if w.platform == "auto" else [f"--platform={w.platform}"]
    # The host's mounts below / are not the gofer's to enter; /proc is one of them and must be ours.
    line = "id -u; stat -c %F /proc/self/exe; cat /proc/version"
    done = subprocess.run([w.program, *flags, "do", "--cwd", "/", "--", "/bin/sh", "-c", line], capture_output=True, text=True, timeout=60,
                          user=65534, group=65534, extra_groups=[], stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    uid, kind, version = done.stdout.splitlines()
    assert uid == "65534" and kind == "symbolic link" and "ringwall" in version.lower(), done.stdout
