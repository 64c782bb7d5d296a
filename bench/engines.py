"""What a benchmark runs in: natively, or in a container of an OCI runtime. All get the same files under the same names."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

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


def descendants(top):
    table, found, level = parents(), [], [top]
    while level:
        level = [pid for pid, parent in table.items() if parent in level]
        found += level
    return found


def end_descendants():
    """Ends what is left below us. Only our own children and the orphans we adopted."""
    for _ in range(20):
        left = descendants(os.getpid())
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        time.sleep(0.02)


def pss_kib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except OSError:
        return 0


class World:
    """The temporary folder of one benchmark run: a work folder, a root file system made of bind mounts, bundles, runtime states."""

    def __init__(self, program):
        self.top = tempfile.mkdtemp(prefix="ringwall-bench-")
        self.work = os.path.join(self.top, "work")
        self.tools = os.path.join(self.top, "tools")
        self.rootfs = os.path.join(self.top, "rootfs")
        for folder in (self.work, self.tools, self.rootfs):
            os.mkdir(folder, 0o755)
        os.chmod(self.top, 0o755)
        shutil.copy(program, os.path.join(self.tools, "syscall_bench"))
        for folder in ("usr", "etc", "proc", "sys", "dev", "tmp", "data", "tools", "root"):
            os.mkdir(os.path.join(self.rootfs, folder))
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if os.path.islink("/" + name):
                os.symlink(os.readlink("/" + name), os.path.join(self.rootfs, name))
        self.serial = 0

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
        self.state = os.path.join(world.top, "state-" + name)
        os.mkdir(self.state, 0o700)
        self.bundles = {}
        self.serial = 0

    def words(self, words):
        return [w.replace("{work}", self.work).replace("{tools}", self.tools) for w in words]

    def environment(self):
        return dict(ENVIRONMENT, WORK=self.work, TOOLS=self.tools, BENCH_DIR=self.work)

    def base(self):
        return [self.command[0], "--root", self.state, *self.command[1:]]

    def start(self, words, **streams):
        key = tuple(words)
        if key not in self.bundles:
            self.bundles[key] = self.world.bundle(self.words(words), self.environment())
        self.serial += 1
        self.current = f"bench-{self.name}-{os.getpid()}-{self.serial}"
        return subprocess.Popen([*self.base(), "run", "--bundle", self.bundles[key], self.current], cwd=self.world.top, env=ENVIRONMENT,
                                start_new_session=True, **streams)

    def discard(self, process):
        """Ends what `start` made, whatever its state."""
        subprocess.run([*self.base(), "delete", "--force", self.current], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_descendants()

    def run(self, words, timeout=120):
        """(seconds from start to exit, standard output)."""
        with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
            # The bundle is written outside the measured time.
            if tuple(words) not in self.bundles:
                self.prepare(words)
            started = time.perf_counter()
            process = self.start(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                code = None
            taken = time.perf_counter() - started
            if code != 0:
                self.discard(process)
                err.seek(0)
                raise Failure(f"{'no end after %d s' % timeout if code is None else 'exit status %d' % code}: {err.read().strip()[-300:]}")
            out.seek(0)
            return taken, out.read()

    def prepare(self, words):
        self.bundles[tuple(words)] = self.world.bundle(self.words(words), self.environment())

    def idle_memory_kib(self):
        """PSS of every process that a sandbox with one sleeping program needs, the program included."""
        words = ["/bin/sleep", "1000"]
        with tempfile.TemporaryFile("w+", errors="replace") as err:
            process = self.start(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
            try:
                time.sleep(1)
                if process.poll() is not None:
                    err.seek(0)
                    raise Failure(f"exit status {process.returncode}: {err.read().strip()[-300:]}")
                return sum(pss_kib(pid) for pid in descendants(os.getpid()))
            finally:
                self.discard(process)


class Native(Engine):
    def __init__(self, world):
        super().__init__("native", world, [])
        self.work, self.tools = world.work, world.tools

    def prepare(self, words):
        self.bundles[tuple(words)] = None

    def start(self, words, **streams):
        return subprocess.Popen(self.words(words), cwd=self.work, env=self.environment(), start_new_session=True, **streams)

    def discard(self, process):
        process.kill()
        process.wait()
        end_descendants()


def all_engines(world, ringwall, platforms, names):
    """The engines that exist here, `native` first, as far as `names` (all when empty) asks for them."""
    engines = [Native(world)]
    known = [("crun", ["crun"]), ("runc", ["runc"]), ("runsc", ["runsc", "--network=none", "--ignore-cgroups"])]
    for platform in platforms:
        name = "ringwall" if len(platforms) == 1 else f"ringwall-{platform}"
        known.append((name, [ringwall, f"--platform={platform}", "--network=none"]))
    for name, command in known:
        program = shutil.which(command[0])
        wanted = not names or name in names or name.split("-")[0] in names
        if program and wanted and (os.getuid() == 0 or name.startswith("ringwall")):
            engines.append(Engine(name, world, [os.path.abspath(program), *command[1:]]))
    return engines
