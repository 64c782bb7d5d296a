"""Whole jobs, as users run them: bash scripts over $WORK (writable, on the host's disk). A script fails when its result is wrong."""
import os
import shutil
import subprocess

import packages


class Job:
    """`script` with {n} for how many; `quick` is the size of --quick. `needs` are programs; `source` a Debian source package, or "files" for
    {n} of ours: a fresh copy is in $WORK/build before each run."""

    def __init__(self, name, what, script, n=0, quick=0, needs=(), source="", quick_what=""):
        self.name, self.what, self.script, self.n, self.quick = name, what, script, n, quick
        self.needs, self.source, self.quick_what = needs, source, quick_what

    def size(self, quick):
        return self.quick if quick else self.n

    def text(self, quick):
        script = self.script[1 if quick else 0] if isinstance(self.script, tuple) else self.script
        return "set -e; " + script.replace("{n}", str(self.size(quick)))

    def lay_out(self, world):
        if self.source:
            shutil.copytree(os.path.join(world.sources, self.source), os.path.join(world.work, "build"))

    def described(self, quick):
        return self.quick_what if quick and self.quick_what else self.what.replace("{n}", str(self.size(quick)))


MAKE = 'cd "$WORK/build"; make -j2 %s >/dev/null 2>&1; '
MAKE_ALL = MAKE % "" + "[ $(ar t libtommath.a | wc -l) -gt 100 ]"
MAKE_FEW = MAKE % 'CFLAGS=-O0 $(ls *.c | head -n 40 | sed "s/c$/o/")' + "[ $(ls *.o | wc -l) = 40 ]"
PYTHON = "export PYTHONDONTWRITEBYTECODE=1; python3 -c "
IMPORTS = ("asyncio, concurrent.futures, ctypes, decimal, email.mime.multipart, http.server, json, logging.config, multiprocessing, pickle, "
           "sqlite3, subprocess, tarfile, unittest, urllib.request, xml.dom.minidom, zipfile")
JOBS = (
    Job("make_j2", "make -j2 of libtommath: 157 C files with its own flags", (MAKE_ALL, MAKE_FEW), needs=("make", "cc", "ar"),
        source="libtommath", quick_what="make -j2 of 40 C files of libtommath with -O0"),
    Job("configure", "./configure of vttest: an autoconf script with many small compiler runs",
        'cd "$WORK/build"; ./configure >/dev/null; test -s config.h', needs=("cc",), source="vttest"),
    Job("spawn", "{n} times /bin/true from bash", "for i in $(seq {n}); do /bin/true; done", 400, 100),
    Job("subshells", "{n} piped subshells of bash", "for i in $(seq {n}); do (echo $i) | (read x; [ $x = $i ]); done", 300, 75),
    Job("python_subprocesses", "Python with {n} subprocess.run of /bin/true",
        PYTHON + '"import subprocess\nfor i in range({n}): subprocess.run([\'/bin/true\'], check=True)"', 100, 25, needs=("python3",)),
    Job("python_imports", f"Python: import {IMPORTS}", PYTHON + f'"import {IMPORTS}"', needs=("python3",)),
    Job("small_files", "{n} small files written, read and removed",
        'mkdir "$WORK/f"; cd "$WORK/f"; for i in $(seq {n}); do echo $i >$i; done; [ $(cat * | wc -l) = {n} ]; cd /; rm -r "$WORK/f"', 3000, 750),
    Job("git_add_commit", "git init, add and commit of {n} files",
        'cd "$WORK/build"; git -c init.defaultBranch=main init -q; git add -A; git -c user.name=b -c user.email=b@localhost commit -q -m all; '
        '[ $(git ls-files | wc -l) = {n} ]', 1500, 375, needs=("git",), source="files"),
    Job("find_usr", "find /usr", ("[ $(find /usr | wc -l) -gt 5000 ]", "[ $(find /usr/share/doc /usr/include | wc -l) -gt 100 ]"),
        quick_what="find /usr/share/doc /usr/include"),
    Job("tar_usr_share", "tar of /usr/share", ("[ $(tar -cf - /usr/share 2>/dev/null | wc -c) -gt 1000000 ]",
                                               "[ $(tar -cf - /usr/share/doc 2>/dev/null | wc -c) -gt 10000 ]"), quick_what="tar of /usr/share/doc"),
)


def write_tree(folder, count):
    """Files as a project has them: some dozen a folder, half a page to a few pages of text each."""
    for i in range(count):
        directory = os.path.join(folder, f"d{i // 30}")
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, f"f{i}.txt"), "w") as file:
            file.write("".join(f"line {line} of file {i}: {line * i % 977}\n" for line in range(40 + i % 200)))


def prepare(world, fetch, quick, names):
    """Gets what the jobs of these names work on. Returns {job name: why it can't run}."""
    missing = {}
    for job in (j for j in JOBS if j.name in names):
        absent = [p for p in job.needs if not shutil.which(p)]
        target = os.path.join(world.sources, job.source)
        if absent:
            missing[job.name] = f"{absent[0]} is not installed"
        elif job.source == "files":
            write_tree(target, job.size(quick))
        elif job.source:
            try:
                shutil.copytree(fetch.source(job.source), target)
            except (packages.Missing, OSError, ValueError, subprocess.SubprocessError) as error:
                missing[job.name] = f"no source of {job.source}: {error}"
    return missing
