"""What a benchmark compares with and works on, from Debian by apt: gVisor's runsc of 2024 (bookworm-backports), crun, and two C sources.

runsc and the sources are only unpacked into a folder of the build tree, with package lists of their own: the machine's packages and sources
stay as they are, and root is not needed. crun has dependencies, so it is installed (as root, or not at all). Nothing here is needed by the
build or the tests; what can't be had is reported and missing from the run.
"""
import fcntl
import glob
import os
import shutil
import subprocess

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org/debian"
SOURCES = f"""\
deb [signed-by={KEYS}] {MIRROR} bookworm-backports main
deb-src [signed-by={KEYS}] {MIRROR} bookworm main
"""
TARBALLS = {"libtommath": "157 C files and a Makefile", "vttest": "a small program with a usual ./configure"}


class Missing(Exception):
    pass


class Packages:
    def __init__(self, folder, say, offline=False):
        self.folder, self.say, self.offline = os.path.abspath(folder), say, offline
        self.updated = False

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def apt(self, program, *words):
        command = [program, "-q", "-o", f"Dir::Etc::sourcelist={self.path('sources.list')}", "-o", "Dir::Etc::sourceparts=-",
                   "-o", f"Dir::State::lists={self.path('lists')}", "-o", f"Dir::Cache={self.path('cache')}",
                   "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=2", *words]
        try:
            done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=180)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Missing(f"{program}: {error}") from error
        if done.returncode != 0:
            raise Missing(f"{program} {words[0]}: " + (done.stderr.strip().splitlines() or ["failed"])[-1])

    def fetch(self, program, *words):
        """apt with our lists, which are fetched once a run."""
        if self.offline:
            raise Missing("not downloaded yet, and --offline was given")
        os.makedirs(self.path("lists", "partial"), exist_ok=True)
        os.makedirs(self.path("cache", "archives", "partial"), exist_ok=True)
        if not self.updated:
            with open(self.path("sources.list"), "w") as file:
                file.write(SOURCES)
            self.apt("apt-get", "update")
            self.updated = True
        self.apt(program, *words)

    def locked(self, make, target):
        """`target`, made by `make` when it is not there; two runs at once don't make it twice."""
        if os.path.exists(target):
            return target
        os.makedirs(self.folder, exist_ok=True)
        with open(self.path("lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(target):
                make()
        return target

    def runsc(self):
        def make():
            self.say("runsc: fetching gVisor's package from bookworm-backports")
            self.fetch("apt-get", "download", "runsc")
            unpacked = self.path("runsc.new")
            shutil.rmtree(unpacked, ignore_errors=True)
            package = max(glob.glob(self.path("runsc_*.deb")), key=os.path.getmtime)
            subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
            os.rename(unpacked, self.path("runsc"))
        return os.path.join(self.locked(make, self.path("runsc")), "usr", "bin", "runsc")

    def crun(self):
        program = shutil.which("crun")
        if program:
            return program
        if self.offline or os.getuid() != 0:
            raise Missing("not installed: apt-get install crun")
        self.say("crun: installing Debian's package")
        done = subprocess.run(["apt-get", "-q", "-y", "install", "--no-install-recommends", "crun"], capture_output=True, text=True,
                              env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
        if done.returncode != 0:
            raise Missing("apt-get install crun: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
        return shutil.which("crun")

    def source(self, name):
        """The unpacked original source of a Debian package."""
        def make():
            self.say(f"{name}: fetching Debian's source package")
            self.fetch("apt-get", "source", "--download-only", name)
            tarball = max(glob.glob(self.path(f"{name}_*.orig.tar.[gx]z")), key=os.path.getmtime)
            unpacked = self.path(name + ".new")
            shutil.rmtree(unpacked, ignore_errors=True)
            os.mkdir(unpacked)
            subprocess.run(["tar", "-xf", tarball, "-C", unpacked, "--strip-components=1", "--no-same-owner"], check=True)
            os.rename(unpacked, self.path(name))
        return self.locked(make, self.path(name))
