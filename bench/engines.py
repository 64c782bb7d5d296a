"""What a benchmark runs in: natively, or in a container of an OCI runtime. All get the same files under the same names."""
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

import packages

LIBC = ctypes.CDLL(None, use_errno=True)
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_FSETID"]


class Failure(Exception):
    pass


def adopt_orphans():
    """Processes that sandboxes leave to init come to us instead: they count as theirs and we end them."""
    LIBC.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def hide_mixed_cgroups():
    """crun refuses machines with cgroup v2 beside v1. Our own mount namespace shows it v1 only; nothing changes for others."""
    unified = "/sys/fs/cgroup/unified"
    if os.getuid() != 0 or not os.path.ismount(unified):
        return
    clone_newns, ms_rec_slave = 0x20000, 0x4000 | 0x80000
    if LIBC.unshare(clone_newns) == 0 and LIBC.mount(b"none", b"/", None, ms_rec_slave, None) == 0:
        LIBC.umount2(unified.encode(), 0)


def parents():
    table = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                table[int(pid)] = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    return table


def descendants(top, without=()):
    """Every process below `top`, those of `without` and what is below them left out."""
    table, found, level = parents(), [], [top]
    while level:
        level = [pid for pid, parent in table.items() if parent in level and pid not in without]
        found += level
    return found


def end_descendants(without=()):
    """Ends what is left below us. Only our own children and the orphans we adopted."""
    for _ in range(20):
        left = descendants(os.getpid(), without)
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap(left)  # grandchildren become ours when their parents go
        time.sleep(0.02)


def reap(pids):
    """Orphans that have ended; runtimes wait until theirs are gone."""
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def pss_kib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except OSError:
        return 0


def cpu_seconds(pid):
    """CPU time of all threads of a process, in nanoseconds' precision: the ticks of /proc/PID/stat are too coarse for an idle one."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
    except OSError:
        pass
    return total / 1e9


def available_kib():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:"))


class BusyCpus:
    """While it lasts, a program of ours keeps every CPU busy."""

    def __init__(self, world):
        self.world, self.children = world, []

    def __enter__(self):
        for cpu in sorted(os.sched_getaffinity(0)):
            child = subprocess.Popen([os.path.join(self.world.tools, "syscall_bench"), "--spin"], start_new_session=True)
            os.sched_setaffinity(child.pid, {cpu})
            self.children.append(child)
            self.world.kept.add(child.pid)

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()
            self.world.kept.discard(child.pid)


def wait_for(process, timeout):
    """Popen.wait(timeout), to the microsecond: that one looks, and sleeps up to 50 ms between looks."""
    descriptor = os.pidfd_open(process.pid)
    try:
        if not select.select([descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(process.args, timeout)
    finally:
        os.close(descriptor)
    return process.wait()


class World:
    """The temporary folder of one benchmark run: a work folder, a root file system made of bind mounts, bundles, runtime states."""

    def __init__(self, program):
        self.top = tempfile.mkdtemp(prefix="ringwall-bench-")
        self.work = os.path.join(self.top, "work")
        self.tools = os.path.join(self.top, "tools")
        self.rootfs = os.path.join(self.top, "rootfs")
        self.sources = os.path.join(self.top, "sources")
        for folder in (self.work, self.tools, self.rootfs, self.sources):
            os.mkdir(folder, 0o755)
        os.chmod(self.top, 0o755)
        shutil.copy(program, os.path.join(self.tools, "syscall_bench"))
        for folder in ("usr", "etc", "proc", "sys", "dev", "tmp", "data", "tools", "root"):
            os.mkdir(os.path.join(self.rootfs, folder))
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if os.path.islink("/" + name):
                os.symlink(os.readlink("/" + name), os.path.join(self.rootfs, name))
        self.serial = 0
        self.kept = set()  # processes of ours that are no sandbox's

    def processes(self):
        return descendants(os.getpid(), self.kept)

    def empty_work(self):
        for entry in os.scandir(self.work):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)

    def close(self):
        end_descendants()
        shutil.rmtree(self.top, ignore_errors=True)

    def bundle(self, words, env):
        self.serial += 1
        path = os.path.join(self.top, f"bundle{self.serial}")
        os.mkdir(path)

        def bind(source, to, mode):
            return {"destination": to, "type": "bind", "source": source, "options": ["rbind", mode]}
        config = {
            "ociVersion": "1.0.2",
            "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": words, "cwd": "/data",
                        "env": [f"{k}={v}" for k, v in env.items()],
                        "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")}},
            "root": {"path": self.rootfs, "readonly": False},
            "hostname": "bench",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},
                bind("/usr", "/usr", "ro"), bind("/etc", "/etc", "ro"), bind(self.tools, "/tools", "ro"), bind(self.work, "/data", "rw"),
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")]},
        }
        with open(os.path.join(path, "config.json"), "w") as file:
            json.dump(config, file)
        return path


class Engine:
    """Runs commands whose words may contain {work} and {tools}."""
    work, tools = "/data", "/tools"

    def __init__(self, name, world, command):
        self.name, self.world, self.command = name, world, command
        self.version, self.missing = "", None
        self.state = os.path.join(world.top, "state-" + name)
        os.mkdir(self.state, 0o700)
        self.bundles = {}
        self.serial = 0
        self.waited_for = set()  # a client that Popen waits for

    def words(self, words):
        return [w.replace("{work}", self.work).replace("{tools}", self.tools) for w in words]

    def environment(self):
        return dict(ENVIRONMENT, WORK=self.work, TOOLS=self.tools, BENCH_DIR=self.work)

    def base(self):
        return [self.command[0], "--root", self.state, *self.command[1:]]

    def prepare(self, words):
        """Writes the bundle: outside the measured time."""
        if tuple(words) not in self.bundles:
            self.bundles[tuple(words)] = self.world.bundle(self.words(words), self.environment())

    def next_id(self):
        self.serial += 1
        return f"bench-{self.name}-{os.getpid()}-{self.serial}"

    def start(self, words, **streams):
        self.prepare(words)
        self.current = self.next_id()
        return subprocess.Popen([*self.base(), "run", "--bundle", self.bundles[tuple(words)], self.current], cwd=self.world.top, env=ENVIRONMENT,
                                start_new_session=True, **streams)

    def delete(self, container):
        client = subprocess.Popen([*self.base(), "delete", "--force", container], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while client.poll() is None and time.monotonic() < limit:
            reap(set(self.world.processes()) - {client.pid} - self.waited_for)
            time.sleep(0.01)
        client.kill()
        client.wait()

    def discard(self, process):
        """Ends what `start` made, whatever its state."""
        self.waited_for = {process.pid}
        self.delete(self.current)
        self.waited_for = set()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_descendants(self.world.kept)

    def run(self, words, timeout=120):
        """(seconds from start to exit, standard output)."""
        with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
            self.prepare(words)
            started = time.perf_counter()
            process = self.start(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            try:
                code = wait_for(process, timeout)
            except subprocess.TimeoutExpired:
                code = None
            except BaseException:
                self.discard(process)
                raise
            taken = time.perf_counter() - started
            if code != 0:
                self.discard(process)
                err.seek(0)
                raise Failure(f"{'no end after %d s' % timeout if code is None else 'exit status %d' % code}: {err.read().strip()[-300:]}".rstrip(": "))
            out.seek(0)
            return taken, out.read()

    def start_idle(self, words):
        """Starts a sandbox that stays, without a client that waits for it. (seconds, what `stop_idle` wants)."""
        self.prepare(words)
        container = self.next_id()
        with tempfile.TemporaryFile("w+", errors="replace") as err:
            started = time.perf_counter()
            try:
                code = subprocess.run([*self.base(), "run", "--detach", "--bundle", self.bundles[tuple(words)], container], cwd=self.world.top,
                                      env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, timeout=60).returncode
            except subprocess.TimeoutExpired:
                code = None
            taken = time.perf_counter() - started
            if code != 0:
                self.delete(container)  # not its processes: there may be others that are wanted
                err.seek(0)
                why = "no end after 60 s" if code is None else f"exit status {code}"
                raise Failure(f"run --detach: {why}: {err.read().strip()[-300:]}".rstrip(": "))
        return taken, container

    def stop_idle(self, containers):
        for container in containers:
            self.delete(container)
        end_descendants(self.world.kept)

    def probe(self):
        """Sets `missing` to the reason when not even /bin/true runs; finds out the version."""
        try:
            self.run(["/bin/true"], timeout=30)
            lines = subprocess.run([self.command[0], "--version"], capture_output=True, text=True, timeout=30).stdout.splitlines()
            self.version = lines[0].strip() if lines else ""
        except Failure as error:
            self.missing = str(error)
        except (OSError, subprocess.SubprocessError) as error:
            self.missing = f"{type(error).__name__}: {error}"


class Native(Engine):
    def __init__(self, world):
        super().__init__("native", world, [])
        self.work, self.tools = world.work, world.tools
        self.version = "no sandbox"

    def prepare(self, words):
        pass

    def start(self, words, **streams):
        return subprocess.Popen(self.words(words), cwd=self.work, env=self.environment(), start_new_session=True, **streams)

    def delete(self, container):
        pass

    def discard(self, process):
        process.kill()
        process.wait()
        end_descendants(self.world.kept)

    def start_idle(self, words):
        started = time.perf_counter()
        process = self.start(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - started, process

    def stop_idle(self, processes):
        for process in processes:
            process.kill()
            process.wait()
        super().stop_idle([])

    def probe(self):
        pass


class Absent(Engine):
    """One that is asked for and not here: a column of the report with the reason."""

    def __init__(self, name, world, reason):
        super().__init__(name, world, [])
        self.missing = reason


def all_engines(world, ringwall, platforms, names, fetch):
    """The engines, `native` first, as far as `names` (the usual ones when empty) asks for them; each has been tried."""
    known = {
        "crun": lambda: [fetch.crun()],
        "runc": lambda: [shutil.which("runc")],
        "runsc": lambda: [fetch.runsc(), "--platform=systrap", "--network=none", "--ignore-cgroups"],
    }
    for platform in platforms:
        known[f"ringwall-{platform}"] = lambda platform=platform: [ringwall, f"--platform={platform}", "--network=none"]
    engines = [Native(world)]
    for name, command in known.items():
        if not (name in names or name.split("-")[0] in names if names else name != "runc"):
            continue
        try:
            words = command()
        except (packages.Missing, OSError, subprocess.SubprocessError, ValueError) as error:
            engines.append(Absent(name, world, str(error)))
            continue
        if not words[0]:
            engines.append(Absent(name, world, "not installed"))
        elif os.getuid() != 0 and not name.startswith("ringwall"):
            engines.append(Absent(name, world, "needs root"))
        else:
            engines.append(Engine(name, world, [os.path.abspath(words[0]), *words[1:]]))
            engines[-1].probe()
    return engines
