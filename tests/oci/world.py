"""One test's world: a state root, bundles, and the runtime under test. Everything it starts is found again and ended."""
import copy
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

# Seconds until something is taken for lost: far beyond what it takes, also on a slow and loaded machine.
PATIENCE = 60


class Skip(Exception):
    pass


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


class World:
    def __init__(self, program, kind, rounds, platform="auto"):
        self.kind, self.rounds, self.platform = kind, rounds, platform
        self.top = tempfile.mkdtemp(prefix="ringwall-oci-")
        # A name of its own tells this world's processes from those of other sandboxes on the machine.
        self.program = os.path.join(self.top, os.path.basename(program))
        try:
            os.link(program, self.program)
        except OSError:
            shutil.copy(program, self.program)
        self.root = os.path.join(self.top, "root")
        self.log = os.path.join(self.top, "log.json")
        self.children = []

    def close(self):
        for name in os.listdir(self.root) if os.path.isdir(self.root) else []:
            self.ringwall("delete", "--force", name)
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream:
                    stream.close()
        shutil.rmtree(self.top, ignore_errors=True)

    def command(self, *args):
        # A case that names a platform is about the choice.
        own = any(str(arg).startswith(("--platform", "-platform")) for arg in args)
        chosen = [] if own or self.platform == "auto" else [f"--platform={self.platform}"]
        return [self.program, "--root", self.root, "--log", self.log, "--log-format=json", *chosen, *args]

    def ringwall(self, *args, input=None, cwd=None, timeout=2 * PATIENCE):
        # Files, not pipes: the container of `create` keeps its streams open, and a pipe would be read until it ends.
        with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
            done = subprocess.run(self.command(*args), stdout=out, stderr=err, text=True, cwd=cwd or self.top, timeout=timeout,
                                  **({"stdin": subprocess.DEVNULL} if input is None else {"input": input}))
            out.seek(0)
            err.seek(0)
            return Result(done.returncode, out.read(), err.read())

    def check(self, *args, code=0, **more):
        result = self.ringwall(*args, **more)
        assert result.code == code, f"{' '.join(args)}: exit status {result.code}, wanted {code}: {result.err.strip()}"
        return result

    def start(self, *args, **more):
        child = subprocess.Popen(self.command(*args), cwd=self.top, **more)
        self.children.append(child)
        return child

    # ---- bundles ----
    def words(self, double, real):
        """The program of a case: the double's name for it, or a shell line for a real guest."""
        return double if self.kind == "double" else ["/bin/sh", "-c", real]

    def spec(self, args):
        return {
            "ociVersion": "1.0.2",
            "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/",
                        "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
            "root": {"path": "rootfs", "readonly": True},
            "hostname": "oci-test",
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "network", "uts", "ipc")]},
        }

    def bundle(self, args=None, change=None, text=None, name="bundle"):
        path = os.path.join(self.top, name)
        rootfs = os.path.join(path, "rootfs")
        if not os.path.isdir(rootfs):
            os.makedirs(rootfs)
            self.fill(rootfs)
        config = self.spec(args or self.words(["exit", "0"], "exit 0"))
        if change:
            change(config)
        with open(os.path.join(path, "config.json"), "w") as file:
            file.write(text if text is not None else json.dumps(config))
        return path

    def fill(self, rootfs):
        for folder in ("bin", "proc", "tmp", "dev", "etc"):
            os.mkdir(os.path.join(rootfs, folder))
        with open(os.path.join(rootfs, "etc", "greeting"), "w") as file:
            file.write("hello from the gofer\n")
        if self.kind == "double":
            return
        busybox = shutil.which("busybox")
        if busybox is None:
            raise Skip("no busybox to build a root file system from")
        shutil.copy(busybox, os.path.join(rootfs, "bin", "busybox"))
        for applet in ("sh", "sleep", "cat", "echo", "true", "false", "kill", "stty", "id", "env", "ls", "tty", "mkdir", "touch", "head", "wc"):
            os.symlink("busybox", os.path.join(rootfs, "bin", applet))

    # ---- looking ----
    def state(self, name):
        return json.loads(self.check("state", name).out)

    def record(self, name):
        with open(os.path.join(self.root, name, "state.json")) as file:
            return json.load(file)

    def wait_status(self, name, wanted, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.state(name)["status"]
            if status == wanted:
                return
            time.sleep(0.02)
        raise AssertionError(f"container is {status}, wanted {wanted}")

    def log_lines(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log) as file:
            lines = [line for line in file if line.strip()]
        for line in lines:
            assert line.startswith("{"), f"the log holds a line that is not JSON: {line.strip()}"
        return [json.loads(line) for line in lines]

    def processes(self):
        """Host processes of this world's runtime: by executable, so stubs and doubles count too."""
        found = []
        mine = os.path.realpath(self.program)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.path.realpath(os.readlink(f"/proc/{pid}/exe")) != mine:
                    continue
                with open(f"/proc/{pid}/stat") as file:
                    state = file.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state not in "ZX":
                found.append(int(pid))
        return found

    def leftovers(self):
        for name in os.listdir(self.root) if os.path.isdir(self.root) else []:
            self.ringwall("delete", "--force", name)
        deadline = time.monotonic() + PATIENCE / 2
        while time.monotonic() < deadline and self.processes():
            time.sleep(0.02)
        left = [f"process {pid}" for pid in self.processes()]
        if os.path.isdir(self.root):
            left += [f"state {name}" for name in os.listdir(self.root)]
        with open("/proc/self/mountinfo") as file:
            left += [f"mount {line.split()[4]}" for line in file if self.top in line]
        with open("/proc/net/unix") as file:
            left += [f"socket {line.split()[-1]}" for line in file if self.top in line]
        return left


def edited(path, value):
    """A change of a configuration: edited("process.args", []) or edited("process.env.0", 1)."""
    def change(config):
        parts = path.split(".")
        node = config
        for part in parts[:-1]:
            node = node[int(part)] if part.isdigit() else node[part]
        last = parts[-1]
        if value is Remove:
            del node[last]
        elif last.isdigit():
            node[int(last)] = copy.deepcopy(value)
        else:
            node[last] = copy.deepcopy(value)
    return change


class Remove:
    pass


def end(child, sig=signal.SIGKILL):
    child.send_signal(sig)
    child.wait()
