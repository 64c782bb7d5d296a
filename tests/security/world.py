"""One hostile sandbox: a bundle with almost nothing in it, a volume, a secret outside, and a look at its host processes."""
import ctypes
import json
import os
import secrets
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time


class Skip(Exception):
    pass


def adopt_orphans():
    """Processes that sandboxes leave to init come to us: every process of a sandbox is found again, and ended."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def descendants(top):
    table = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                table[int(pid)] = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found, level = [], [top]
    while level:
        level = [pid for pid, parent in table.items() if parent in level]
        found += level
    return found


class World:
    def __init__(self, command, guest, full=False, verbose=False):
        self.command, self.full, self.verbose = command, full, verbose
        # A sanitizer keeps freed memory, and what it knows about the rest, in ours.
        self.sanitized = os.path.isdir(os.path.join(os.path.dirname(command[0]), "findings"))
        self.top = tempfile.mkdtemp(prefix="ringwall-security-")
        os.chmod(self.top, 0o755)
        self.state = os.path.join(self.top, "state")
        self.volume = os.path.join(self.top, "volume")
        self.rootfs = os.path.join(self.top, "rootfs")
        outside = os.path.join(self.top, "outside")
        for folder in (self.state, self.volume, self.rootfs, outside):
            os.mkdir(folder, 0o755)
        for folder in ("proc", "tmp", "dev", "data", "etc", "sys"):
            os.mkdir(os.path.join(self.rootfs, folder))
        shutil.copy(guest, os.path.join(self.rootfs, "guest"))
        self.secret_text = "secret-" + secrets.token_hex(16)
        self.secret = os.path.join(outside, "secret")
        with open(self.secret, "w") as file:
            file.write(self.secret_text + "\n")
        os.symlink(self.secret, os.path.join(self.volume, "absolute"))
        os.symlink("../outside/secret", os.path.join(self.volume, "relative"))
        os.symlink("/proc/1/root" + self.secret, os.path.join(self.volume, "proc"))
        self.serial = 0
        self.children = []

    def close(self):
        for child, name in self.children:
            if child.poll() is None:
                self.runtime("delete", "--force", name)
        deadline = time.monotonic() + 2
        for child, _ in self.children:
            while child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
        for _ in range(50):
            left = descendants(os.getpid())
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for child, _ in self.children:
                child.poll()
            while True:
                try:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
                except ChildProcessError:
                    break
            if not left:
                break
            time.sleep(0.02)
        shutil.rmtree(self.top, ignore_errors=True)

    def base(self):
        return [self.command[0], "--root", self.state, *self.command[1:]]

    def runtime(self, *words):
        return subprocess.run([*self.base(), *words], capture_output=True, text=True, timeout=60)

    def bundle(self, args):
        path = os.path.join(self.top, f"bundle{self.serial}")
        os.mkdir(path)
        capabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT"]
        config = {
            "ociVersion": "1.0.2",
            "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/guest", *args], "cwd": "/",
                        "env": ["PATH=/", "SECRET=" + self.secret_text],
                        "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")}},
            "root": {"path": self.rootfs, "readonly": False},
            "hostname": "hostile",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},
                {"destination": "/data", "type": "bind", "source": self.volume, "options": ["bind", "rw"]},
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")]},
        }
        with open(os.path.join(path, "config.json"), "w") as file:
            json.dump(config, file)
        return path

    def start(self, *args, **streams):
        self.serial += 1
        name = f"hostile-{os.getpid()}-{self.serial}"
        child = subprocess.Popen([*self.base(), "run", "--bundle", self.bundle(args), name], cwd=self.top, start_new_session=True, **streams)
        self.children.append((child, name))
        return child

    def attack(self, *args, timeout=180):
        """Runs a mode of the guest; it must survive, and so must the sandbox that serves it. The guest's output."""
        with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
            child = self.start(*args, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            try:
                code = child.wait(timeout)
            except subprocess.TimeoutExpired:
                code = None
            out.seek(0)
            err.seek(0)
            text, errors = out.read(), err.read().strip()
            assert code is not None, f"no end after {timeout} s: {errors[-500:]}"
            assert code == 0 and "survived" in text, f"exit status {code}: {(errors or text)[-700:]}"
            return text

    @staticmethod
    def line_of(child, timeout):
        """The next line that a guest prints; "" at its end, None when none comes."""
        text = b""
        deadline = time.monotonic() + timeout
        while not text.endswith(b"\n"):
            if not select.select([child.stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
                return None
            byte = os.read(child.stdout.fileno(), 1)  # not more: what is buffered here select(2) does not see
            if not byte:
                break
            text += byte
        return text.decode(errors="replace").strip()

    # ---- looking from outside ----
    @staticmethod
    def name_of(pid):
        try:
            with open(f"/proc/{pid}/comm") as file:
                return file.read().strip()
        except OSError:
            return ""

    def own_processes(self):
        """The host processes of the sandboxes that were started: {name: [pid, ...]}."""
        found = {}
        for pid in descendants(os.getpid()):
            if name := self.name_of(pid):
                found.setdefault(name, []).append(pid)
        return found

    def sleeping(self):
        """Host processes of a sandbox that does nothing: {name: [pid, ...]}."""
        child = self.start("sleep", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = child.stdout.readline()
        assert line.strip() == "ready", f"the guest did not start: {line.strip()}"
        return self.own_processes()


def threads(pid):
    return [int(t) for t in os.listdir(f"/proc/{pid}/task")]


def cpu_seconds(pid):
    """CPU time of all threads, in nanoseconds' precision where the host tells (schedstat), else in ticks."""
    total = 0.0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            with open(f"/proc/{pid}/task/{thread}/stat") as file:
                total += sum(int(ticks) for ticks in file.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    return total


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def descriptors(pid):
    """(number, what it refers to, st_mode) of each open descriptor."""
    found = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{number}"
        try:
            found.append((int(number), os.readlink(path), os.stat(path).st_mode))
        except OSError:
            continue
    return found


def is_directory(mode):
    return stat.S_ISDIR(mode)
