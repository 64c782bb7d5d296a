"""The cases. Each is a function of a World; its name is the claim."""
import array
import ctypes
import json
import os
import pty
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from world import PATIENCE, Remove, Result, Skip, edited

PR_SET_CHILD_SUBREAPER = 36


def all_cases(kind):
    for name, value in sorted(globals().items()):
        if name.startswith("case_"):
            yield name[5:], value
    for index, (path, value, sentence) in enumerate(HOSTILE):
        yield f"hostile_config_{index:02}_{path.replace('.', '_')}", hostile(path, value, sentence)
    for index, (text, sentence) in enumerate(BROKEN):
        yield f"broken_config_{index:02}", broken(text, sentence)


# ---- states and exit codes -------------------------------------------------------------------------------------------

def case_states_follow_the_specification(w):
    bundle = w.bundle(w.words(["sleep"], "sleep 100"))
    w.check("create", "--bundle", bundle, "c1")
    state = w.state("c1")
    assert state["status"] == "created" and state["ociVersion"] == "1.0.2" and state["bundle"] == bundle, state
    os.kill(state["pid"], 0)
    w.check("start", "c1")
    assert w.state("c1")["status"] == "running"
    w.check("kill", "c1", "KILL")
    w.wait_status("c1", "stopped")
    assert w.state("c1")["pid"] == 0
    w.check("delete", "c1")
    assert "does not exist" in w.check("state", "c1", code=1).err


def case_run_passes_the_exit_status(w):
    for code in (0, 1, 7, 255):
        w.check("run", "--bundle", w.bundle(w.words(["exit", str(code)], f"exit {code}")), "c1", code=code)


def case_run_passes_standard_streams(w):
    result = w.check("run", "--bundle", w.bundle(w.words(["cat"], "cat")), "c1", input="one\ntwo\n")
    assert result.out == "one\ntwo\n", result.out


def case_signals_end_as_128_plus_n(w):
    # A real first process is immune to signals that it does not handle (pid_namespaces(7)), except to KILL from outside.
    names = (("TERM", 15), ("SIGKILL", 9), ("10", 10)) if w.kind == "double" else (("KILL", 9), ("SIGKILL", 9), ("9", 9))
    for name, number in names:
        child = w.start("run", "--bundle", w.bundle(w.words(["sleep"], "exec sleep 100")), "c1")
        wait_running(w, "c1")
        w.check("kill", "c1", name)
        assert child.wait(PATIENCE) == 128 + number, f"{name}: exit status {child.returncode}"


def case_a_handled_signal_is_the_programs_business(w):
    if w.kind == "double":
        raise Skip("the double handles no signals")
    script = "trap 'exit 41' TERM; trap 'exit 42' USR1; trap 'exit 43' 12; echo ready; while :; do sleep 0.01; done"
    for name, status in (("TERM", 41), ("SIGTERM", 41), ("15", 41), ("usr1", 42), ("SIGUSR1", 42), ("10", 42), ("12", 43)):
        child = w.start("run", "--bundle", w.bundle(w.words([], script)), "c1", stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n"
        w.check("kill", "c1", name)
        assert child.wait(PATIENCE) == status, f"{name}: exit status {child.returncode}"


def case_foreground_signals_reach_the_container(w):
    # A first process ignores TERM until it has a handler: it says when (pid_namespaces(7)).
    script = "trap 'exit 143' TERM; echo ready; sleep 100 & wait"
    child = w.start("run", "--bundle", w.bundle(w.words(["sleep"], script)), "c1", stdout=subprocess.PIPE)
    if w.kind == "double":
        wait_running(w, "c1")
    else:
        assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGTERM)
    assert child.wait(PATIENCE) == 143, child.returncode


def case_pid_file_names_a_child_of_the_subreaper(w):
    subreaper()
    pid_file = os.path.join(w.top, "pid")
    w.check("create", "--bundle", w.bundle(w.words(["exit", "9"], "exit 9")), "--pid-file", pid_file, "c1")
    pid = int(open(pid_file).read())
    assert pid == w.state("c1")["pid"]
    w.check("start", "c1")
    waited, status = os.waitpid(pid, 0)
    assert waited == pid and os.waitstatus_to_exitcode(status) == 9, status
    w.check("delete", "c1")


def case_stand_in_ends_by_the_same_signal(w):
    subreaper()
    w.check("create", "--bundle", w.bundle(w.words(["sleep"], "exec sleep 100")), "c1")
    pid = w.state("c1")["pid"]
    w.check("start", "c1")
    if w.kind == "double":  # a real first process ignores INT unless it handles it
        os.kill(pid, signal.SIGINT)  # to the host pid: forwarded
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGINT, status
    else:
        w.check("kill", "c1", "KILL")
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, status
    w.check("delete", "c1")


def case_killing_the_stand_in_kills_the_container(w):
    subreaper()
    w.check("create", "--bundle", w.bundle(w.words(["sleep"], "sleep 100")), "c1")
    w.check("start", "c1")
    os.kill(w.state("c1")["pid"], signal.SIGKILL)
    w.wait_status("c1", "stopped")
    gone_within(w)
    w.check("delete", "c1")


def case_start_kill_delete_do_not_hold_their_output(w):
    w.check("create", "--bundle", w.bundle(w.words(["sleep"], "sleep 100")), "c1")
    for command in (["start", "c1"], ["kill", "c1", "9"], ["delete", "--force", "c1"]):
        read_end, write_end = os.pipe()
        done = subprocess.run(w.command(*command), stdout=write_end, stderr=write_end, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        os.close(write_end)
        readable, _, _ = select.select([read_end], [], [], PATIENCE)
        assert readable and os.read(read_end, 4096) == b"" and done.returncode == 0, command
        os.close(read_end)


def case_create_streams_are_the_containers(w):
    read_end, write_end = os.pipe()
    subprocess.run(w.command("create", "--bundle", w.bundle(w.words(["echo", "hi", "there"], "echo hi there")), "c1"), stdout=write_end,
                   stdin=subprocess.DEVNULL, check=True, timeout=PATIENCE)
    os.close(write_end)
    w.check("start", "c1")
    with os.fdopen(read_end) as stream:
        assert stream.read() == "hi there\n"  # and end of file once the container is gone
    w.wait_status("c1", "stopped")
    w.check("delete", "c1")


def case_delete_of_a_running_container_is_refused(w):
    w.check("create", "--bundle", w.bundle(w.words(["sleep"], "sleep 100")), "c1")
    w.check("start", "c1")
    assert "is not stopped: running" in w.check("delete", "c1", code=1).err
    w.check("delete", "--force", "c1")


def case_delete_of_a_created_container_works(w):
    w.check("create", "--bundle", w.bundle(), "c1")
    w.check("delete", "c1")


def case_errors_are_runcs(w):
    assert "does not exist" in w.check("start", "nobody", code=1).err
    assert "does not exist" in w.check("delete", "nobody", code=1).err
    w.check("delete", "--force", "nobody")
    w.check("create", "--bundle", w.bundle(w.words(["exit", "0"], "exit 0")), "c1")
    assert "already exists" in w.check("create", "--bundle", w.bundle(), "c1", code=1).err
    w.check("start", "c1")
    w.wait_status("c1", "stopped")
    assert w.check("kill", "c1", "TERM", code=1).err.strip() == "ringwall: container not running"
    assert w.log_lines()[-1]["level"] == "error" and w.log_lines()[-1]["msg"] == "container not running"
    w.check("kill", "--all", "c1", "9")
    assert "cannot start a container that has stopped" in w.check("start", "c1", code=1).err
    assert "unknown signal" in w.check("kill", "c1", "NOPE", code=1).err
    w.check("delete", "c1")


def case_flags_in_every_form(w):
    w.check("create", "-bundle", w.bundle(), "--no-pivot", "--no-new-keyring", "c1")
    w.check("--rootless=false", "--systemd-cgroup", "--cgroup-manager=disabled", "list", "-q")
    w.check("--rootless", "--debug", "state", "c1")
    w.check("delete", "--force", "c1")
    assert w.check("--version").out.splitlines()[0].startswith("ringwall version ")
    assert "COMMAND" in w.check("help").out.upper()
    assert "--bundle" in w.check("help", "create").out
    for bad in (["--platform=kvm"], ["--platform", "kvm"], ["--network=host"], ["--overlay=self"]):
        result = w.check(*bad, "list", code=1)
        assert result.err.count("\n") == 1 and "not available in this version" in result.err, result.err


def case_ids_are_checked(w):
    for bad in ("a/b", "..", "a b", "x" * 256):
        result = w.check("create", "--bundle", w.bundle(), bad, code=1)
        assert "container id" in result.err, result.err
    w.check("create", "--bundle", w.bundle(), "A_z+0-9.x")
    w.check("delete", "A_z+0-9.x")


def case_list_in_three_forms(w):
    w.check("create", "--bundle", w.bundle(), "c1")
    w.check("create", "--bundle", w.bundle(), "c2")
    assert w.check("list", "-q").out == "c1\nc2\n"
    rows = json.loads(w.check("list", "--format", "json").out)
    assert [row["id"] for row in rows] == ["c1", "c2"] and rows[0]["status"] == "created"
    table = w.check("list").out.splitlines()
    assert table[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"] and len(table) == 3


def case_spec_is_accepted_by_runc_and_by_us(w):
    folder = os.path.join(w.top, "spec")
    os.makedirs(os.path.join(folder, "rootfs"))
    w.check("spec", "--bundle", folder)
    config = json.load(open(os.path.join(folder, "config.json")))
    assert config["process"]["args"] == ["sh"] and config["root"]["path"] == "rootfs"
    assert "exists" in w.check("spec", "--bundle", folder, code=1).err


def case_missing_program_is_told_at_create(w):
    def program(double):
        return [double] if w.kind == "double" else [{"missing": "/bin/nosuch", "denied": "/etc/greeting"}[double]]
    w.check("run", "--bundle", w.bundle(program("missing")), "c1", code=127)
    w.check("run", "--bundle", w.bundle(program("denied")), "c1", code=126)
    w.check("create", "--bundle", w.bundle(program("missing")), "c1", code=1)
    assert w.check("list", "-q").out == ""


def case_gofer_serves_the_root_file_system(w):
    assert w.check("run", "--bundle", w.bundle(w.words(["read", "etc/greeting"], "cat /etc/greeting")), "c1").out == "hello from the gofer\n"


def case_hooks_run_with_the_state(w):
    seen = os.path.join(w.top, "seen")
    hook = lambda kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"printf '{kind} ' >> {seen}; cat >> {seen}; echo >> {seen}"]}]
    def change(config):
        config["hooks"] = {kind: hook(kind) for kind in ("prestart", "createRuntime", "poststart", "poststop")}
    w.check("run", "--bundle", w.bundle(w.words(["exit", "0"], "exit 0"), change), "c1")
    text = open(seen).read()
    for kind in ("prestart", "createRuntime", "poststart", "poststop"):
        assert kind in text, text
    w.check("create", "--bundle", w.bundle(None, edited("hooks", {"createRuntime": [{"path": "/bin/false"}]})), "c2", code=1)
    assert w.check("list", "-q").out == ""


# ---- beside runc and crun --------------------------------------------------------------------------------------------

SCRIPTS = [
    "exit 0", "exit 7", "exit 255", "false", "nosuchprogram", "/etc/greeting", "sh -c 'kill -TERM $$'; exit $?", "sh -c 'kill -9 $$'", "kill -TERM $$; exit 5",
    "kill -9 $$; exit 6", "trap 'exit 9' TERM; kill -TERM $$", "echo out; echo err >&2", "echo $$", "id -u; id -g", "cd /tmp && env | wc -l",
    "sleep 5 & kill $!; wait $!", "cat </dev/null; cat /proc/self/comm; head -c 3 /dev/zero | wc -c", "echo x >/etc/made || exit 3",
    "exec sh -c 'exit 12'", "(sleep 0.2; kill -9 1) & wait; exit 4", "exec 1>&-; echo lost", "cat nosuch 2>/dev/null || exit $?", "ls /proc/1/comm", "tty"]


def engines(w):
    """(name, command line in front of a sub-command) of the other runtimes on this machine."""
    root = os.path.join(w.top, "other")
    if shutil.which("runc"):
        yield "runc", ["runc", "--root", root + "-runc"]
    if shutil.which("crun"):
        # crun refuses a hybrid cgroup tree: it is shown a pure one.
        hide = "umount /sys/fs/cgroup/unified 2>/dev/null; exec crun \"$@\""
        yield "crun", ["unshare", "-m", "sh", "-c", hide, "crun", "--root", root + "-crun"]


def other(command, *args):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        code = subprocess.run([*command, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=PATIENCE).returncode
        out.seek(0)
        err.seek(0)
        return Result(code, out.read(), err.read())


def usable_engines(w):
    found = []
    for name, command in engines(w):
        probe = other(command, "run", "--bundle", w.bundle(w.words([], "echo works"), name="probe"), f"probe-{os.getpid()}")
        if probe.code == 0 and probe.out == "works\n":
            found.append((name, command))
    if w.kind == "double" or not found:
        raise Skip("needs real programs, and runc or crun that work here")
    return found


def case_exit_status_and_output_are_runcs_and_cruns(w):
    # runc is the reference where the two disagree with each other.
    found = usable_engines(w)
    differences = []
    for index, script in enumerate(SCRIPTS):
        bundle = w.bundle(w.words([], script), name=f"b{index}")
        ours = w.ringwall("run", "--bundle", bundle, f"s{index}")
        theirs = [(name, other(command, "run", "--bundle", bundle, f"s{index}-{os.getpid()}")) for name, command in found]
        if (ours.code, ours.out) != (theirs[0][1].code, theirs[0][1].out):
            differences.append(f"{script!r}: " + ", ".join(f"{name} {r.code} {r.out!r}" for name, r in [*theirs, ("ringwall", ours)]) + f" {ours.err!r}")
    assert not differences, "; ".join(differences)


def life(run, bundle, name):
    """One container's life: what each step answers."""
    seen = []

    def step(*args, show=None):
        result = run(*args)
        if show == "status":
            seen.append((args[0], result.code, json.loads(result.out)["status"] if result.code == 0 else ""))
        else:
            seen.append((args[0], min(result.code, 1)))

    def settle(wanted):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            result = run("state", name)
            if result.code == 0 and json.loads(result.out)["status"] == wanted:
                return
            time.sleep(0.02)

    step("state", name)
    step("create", "--bundle", bundle, name)
    step("create", "--bundle", bundle, name)
    step("state", name, show="status")
    step("start", name)
    step("start", name)
    step("state", name, show="status")
    step("delete", name)
    step("kill", name, "NOSUCH")
    step("kill", name, "WINCH")
    step("state", name, show="status")
    step("kill", name, "KILL")
    settle("stopped")
    step("state", name, show="status")
    step("start", name)
    step("kill", name, "TERM")
    step("delete", name)
    step("state", name)
    step("delete", "--force", name)
    step("create", "--bundle", bundle, name)
    step("start", name)
    step("delete", "--force", name)
    step("state", name)
    step("create", "--bundle", bundle, name)
    step("kill", name, "KILL")
    settle("stopped")
    step("state", name, show="status")
    step("delete", name)
    return seen


def case_states_are_runcs_and_cruns(w):
    bundle = w.bundle(w.words(["sleep"], "exec sleep 100"), name="life")
    ours = life(w.ringwall, bundle, "c1")
    lives = [(name, life(lambda *args, c=command: other(c, *args), bundle, f"life-{os.getpid()}")) for name, command in usable_engines(w)]
    steps = zip(ours, *(seen for _, seen in lives))
    different = [f"step {i}: ringwall {step[0]}, {', '.join(f'{name} {a}' for (name, _), a in zip(lives, step[1:]))}"
                 for i, step in enumerate(steps) if step[0] != step[1]]
    assert not different, "; ".join(different)


def case_default_devices_are_there_without_a_dev_mount(w):
    if w.kind == "double":
        raise Skip("needs real programs")
    script = "for d in null zero full random urandom tty; do test -c /dev/$d || echo $d missing; done; echo x >/dev/null; echo x >/dev/full 2>/dev/null || echo full"
    for readonly in (True, False):
        assert w.check("run", "--bundle", w.bundle(w.words([], script), edited("root.readonly", readonly)), "c1").out == "full\n"
        assert os.listdir(os.path.join(w.top, "bundle", "rootfs", "dev")) == []


# ---- terminals -------------------------------------------------------------------------------------------------------

def case_console_socket_gets_the_master(w):
    path = os.path.join(w.top, "console")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    bundle = w.bundle(w.words(["cat"], "stty -echo; echo ready; cat"), edited("process.terminal", True))
    w.check("create", "--bundle", bundle, "--console-socket", path, "c1")
    peer, _ = listener.accept()
    fds = array.array("i")
    _, ancillary, _, _ = peer.recvmsg(100, socket.CMSG_LEN(fds.itemsize))
    fds.frombytes(ancillary[0][2])
    master = fds[0]
    w.check("start", "c1")
    if w.kind != "double":
        expect(master, b"ready")
    os.write(master, b"over the console\n" if w.kind == "double" else b"over the console\r")
    expect(master, b"over the console")
    w.check("delete", "--force", "c1")
    os.close(master)
    peer.close()
    listener.close()


def case_run_relays_the_terminal(w):
    bundle = w.bundle(w.words(["size"], "stty size; echo ready; read line; echo got $line"), edited("process.terminal", True))
    pid, master = pty.fork()
    if pid == 0:
        os.execv(w.program, w.command("run", "--bundle", bundle, "c1"))
    if w.kind == "double":
        import fcntl
        import struct
        import termios
        expect(master, b"size 0 0", required=False)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 44, 0, 0))
        expect(master, b"size 33 44")
        wait_running(w, "c1")
        w.check("kill", "c1", "KILL")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 137
    else:
        expect(master, b"ready")
        os.write(master, b"word\r")
        expect(master, b"got word")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(master)


# ---- do --------------------------------------------------------------------------------------------------------------

def case_do_passes_status_streams_and_environment(w):
    assert w.check("do", "--", *w.words(["exit", "3"], "exit 3"), code=3).out == ""
    assert w.check("do", "--no-tty", *w.words(["cat"], "cat"), input="abc").out == "abc"
    w.check("do", "--", "missing" if w.kind == "double" else "no-such-command-at-all", code=127)
    w.check("do", "--", "denied" if w.kind == "double" else "/etc/passwd", code=126)
    w.check("do", code=125)
    w.check("do", "--volume", "relative", "--", "x", code=125)
    w.check("do", "--bogus", "--", "x", code=125)
    out = w.check("do", "--env", "FOO=b\xe4r", "--", *w.words(["env"], "env")).out
    assert "FOO=" in out and "PATH=" in out
    assert w.check("list", "-q").out == ""


def case_do_dies_with_its_command_line(w):
    child = w.start("do", "--no-tty", "--", *w.words(["sleep"], "sleep 100"), stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while not w.check("list", "-q").out and time.monotonic() < deadline:
        time.sleep(0.02)
    child.kill()
    child.wait()
    gone_within(w)
    deadline = time.monotonic() + PATIENCE
    while w.check("list", "-q").out and time.monotonic() < deadline:
        time.sleep(0.02)
    assert w.check("list", "-q").out == ""


def case_debug_answers(w):
    w.check("create", "--bundle", w.bundle(w.words(["sleep"], "sleep 100")), "c1")
    w.check("start", "c1")
    assert w.check("debug", "--tasks", "c1").out.strip()
    w.check("debug", "--unimplemented", "c1")
    assert "nothing asked for" in w.check("debug", "c1", code=1).err
    w.check("delete", "--force", "c1")


# ---- kill -9 ---------------------------------------------------------------------------------------------------------

BUSY = "while :; do (true); /bin/true; /bin/echo x | /bin/cat >/dev/null; done"


def case_kill_9_of_any_process_leaves_nothing(w):
    chooser = random.Random(os.environ.get("RINGWALL_SEED", "1"))
    for round_number in range(w.rounds):
        name = f"r{round_number}"
        victim = chooser.choice(["cli", "sentry", "gofer", "standIn", "stub"])
        # A command line dies at any moment of its work, the others at any moment of a busy guest's life.
        delay = chooser.random() * (0.15 if victim == "cli" else 0.3 if w.kind != "double" else 0.05)
        started = chooser.random() < 0.8
        about = f"round {round_number}: {victim} after {delay * 1000:.0f} ms, {'started' if started else 'created'}"
        bundle = w.bundle(w.words(["sleep"], BUSY))
        if victim == "cli":
            child = w.start("create", "--bundle", bundle, name, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delay)
            child.kill()
            child.wait()
            known = w.ringwall("state", name)
            assert known.code == 0 or "does not exist" in known.err, f"{about}: {known.err}"
        else:
            w.check("create", "--bundle", bundle, name)
            if started:
                w.check("start", name)
            record = w.record(name)
            time.sleep(delay)
            pid = stub_of(record["sentry"]["pid"], chooser) if victim == "stub" else record[victim]["pid"]
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    assert victim == "stub", about  # guest processes come and go
            if victim in ("sentry", "standIn"):
                w.wait_status(name, "stopped")
                assert "container not running" in w.check("kill", name, "TERM", code=1).err, about
            told = {"sentry": "the sandbox died: killed by signal 9", "gofer": "the file server (gofer) died"}.get(victim)
            if told:
                wait_logged(w, f"container {name}: {told}", about)
        w.check("delete", "--force", name)
        left = w.leftovers()
        assert not left, f"{about}: {left}"


def case_death_of_the_sentry_is_logged(w):
    w.check("create", "--bundle", w.bundle(w.words(["sleep"], "sleep 100")), "c1")
    w.check("start", "c1")
    os.kill(w.record("c1")["sentry"]["pid"], signal.SIGKILL)
    w.wait_status("c1", "stopped")
    wait_logged(w, "the sandbox died: killed by signal 9", "c1")
    w.check("delete", "c1")


# ---- hostile configurations ------------------------------------------------------------------------------------------

HOSTILE = [
    ("process.args", [], "config.json: process.args: empty list; give the program to run"),
    ("process.args.0", "", "config.json: process.args[0]: empty string; give the program to run"),
    ("process.args.0", 5, "config.json: process.args[0]: found a number, wanted a string"),
    ("process.args.0", None, "config.json: process.args[0]: missing; this field is required"),
    ("process.args.0", "a\0b", "config.json: process.args[0]: a string with a NUL character; Linux ends strings there"),
    ("process.args", "sh", "config.json: process.args: found a string, wanted an array"),
    ("process.cwd", "relative", 'config.json: process.cwd: found "relative", wanted an absolute path'),
    ("process.cwd", Remove, "config.json: process.cwd: missing; this field is required"),
    ("process.env", ["NOEQUALS"], 'config.json: process.env[0]: found "NOEQUALS", wanted NAME=value'),
    ("process.user", {"uid": -1}, "config.json: process.user.uid: number out of range; wanted 0 to 4294967295"),
    ("process.user", {"uid": 1.5}, "config.json: process.user.uid: found a fraction, wanted a whole number"),
    ("process.user", {"uid": 4294967295}, 'config.json: process.user.uid: found 4294967295, which Linux reserves for "no id"; wanted a smaller number'),
    ("process.rlimits", [{"type": "RLIMIT_X", "soft": 1, "hard": 1}],
     'config.json: process.rlimits[0].type: found "RLIMIT_X", wanted one of Linux\'s limits such as RLIMIT_NOFILE'),
    ("process.rlimits", [{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}], "config.json: process.rlimits[0].soft: 2 is above the hard limit 1; lower it"),
    ("process", Remove, "config.json: process: missing; say what to run"),
    ("process", [], "config.json: process: found an array, wanted an object"),
    ("process.terminal", "yes", "config.json: process.terminal: found a string, wanted true or false"),
    ("root", Remove, "config.json: root: missing; this field is required"),
    ("root.path", "", "config.json: root.path: empty string; give the directory of the container's root file system"),
    ("root.readonly", 1, "config.json: root.readonly: found a number, wanted true or false"),
    ("hostname", "h" * 65, "config.json: hostname: 65 bytes; Linux allows 64"),
    ("ociVersion", "2.0.0", 'config.json: ociVersion: found "2.0.0", wanted 1.x: this runtime implements version 1 of the specification'),
    ("ociVersion", Remove, "config.json: ociVersion: missing; this field is required"),
    ("mounts.0.destination", "proc", 'config.json: mounts[0].destination: found "proc", wanted an absolute path'),
    ("mounts.0.destination", "/a/../../etc", 'config.json: mounts[0].destination: found "/a/../../etc", wanted a path without ".."'),
    ("mounts.0.type", "ext4", 'config.json: mounts[0].type: found "ext4", wanted bind, tmpfs, proc, sysfs, devpts, mqueue or cgroup: these are what the sandbox can mount'),
    ("mounts.0", {"destination": "/x", "type": "bind"}, "config.json: mounts[0].source: missing; a bind mount needs the host path to show"),
    ("mounts.0", {"destination": "/x", "type": "bind", "source": "/no/such"},
     'config.json: mounts[0].source: "/no/such": No such file or directory; give an existing host path'),
    ("mounts.0", "x", "config.json: mounts[0]: found a string, wanted an object"),
    ("hooks", {"prestart": [{"path": "sh"}]}, 'config.json: hooks.prestart[0].path: found "sh", wanted an absolute path'),
    ("linux.namespaces", [{"type": "pid"}, {"type": "pid"}], 'config.json: linux.namespaces[1].type: "pid" is given twice; name each namespace once'),
    ("linux.namespaces", [{"type": "moon"}],
     'config.json: linux.namespaces[0].type: found "moon", wanted pid, network, mount, ipc, uts, user, cgroup or time'),
    ("linux.maskedPaths", ["x"], 'config.json: linux.maskedPaths[0]: found "x", wanted an absolute path'),
    ("linux.rootfsPropagation", "sideways", 'config.json: linux.rootfsPropagation: found "sideways", wanted private, shared, slave or unbindable'),
    ("linux.uidMappings", [{"containerID": 0, "hostID": 4294967290, "size": 100}],
     "config.json: linux.uidMappings[0]: reaches beyond the largest user id 4294967294; make it smaller"),
    ("annotations", {"a": 1}, 'config.json: annotations["a"]: found a number, wanted a string'),
]

BROKEN = [
    ("", "config.json: empty file; wanted a JSON object"),
    ("[]", "config.json: found an array, wanted an object"),
    ("{", "config.json: not JSON:"),
    ('{"a": 1,}', "config.json: not JSON: line 1, column 9:"),
    ("[" * 100000, "config.json: nested deeper than 64 levels; a bundle needs fewer than 10"),
    ('{"x": "\xff\xfe"', "config.json: not JSON:"),
    (" " * (9 << 20), "config.json: larger than 8 MiB; a bundle's configuration is a few kilobytes"),
]


def hostile(path, value, sentence):
    def case(w):
        only_sentence(w, w.bundle(None, edited(path, value)), sentence, exact=True)
    return case


def broken(text, sentence):
    def case(w):
        only_sentence(w, w.bundle(text=text), sentence, exact=False)
    return case


def only_sentence(w, bundle, sentence, exact):
    result = w.check("create", "--bundle", bundle, "bad", code=1)
    lines = result.err.splitlines()
    assert len(lines) == 1, result.err
    said = lines[0].removeprefix("ringwall: ")
    assert said == sentence if exact else said.startswith(sentence), f"said: {said}"
    assert w.log_lines()[-1]["msg"] == said
    assert not os.path.exists(w.root), "something was made on disk"


# ---- helpers ---------------------------------------------------------------------------------------------------------

def subreaper():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_running(w, name):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        result = w.ringwall("state", name)
        if result.code == 0 and json.loads(result.out)["status"] == "running":
            return
        time.sleep(0.02)
    raise AssertionError("container never ran")


def gone_within(w, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while w.processes():
        assert time.monotonic() < deadline, f"processes left: {w.processes()}"
        time.sleep(0.02)


def wait_logged(w, sentence, about, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not any(sentence in line["msg"] for line in w.log_lines()):
        assert time.monotonic() < deadline, f"{about}: the log does not say: {sentence}"
        time.sleep(0.02)


def stub_of(sentry, chooser):
    """One of the processes that hold guest code: children of the sentry's threads, or theirs."""
    found, level = [], [sentry]
    while level:
        below = []
        for pid in level:
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children") as file:
                        below += [int(child) for child in file.read().split()]
            except OSError:
                continue
        found += below
        level = below
    return chooser.choice(sorted(found)) if found else 0


def expect(fd, wanted, seconds=PATIENCE, required=True):
    seen = b""
    deadline = time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < deadline:
        readable, _, _ = select.select([fd], [], [], 0.1 if required else 0.5)
        if not readable:
            if not required:
                return
            continue
        try:
            chunk = os.read(fd, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    assert not required or wanted in seen, f"wanted {wanted!r}, saw {seen!r}"
