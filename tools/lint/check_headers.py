"""Every header compiles alone, and COMPATIBILITY.md is what its generator says.

A header whose .cc includes it first is proved by the build. The rest is compiled with -fsyntax-only; the result is kept by the
content of everything the header pulled in from this tree, so that a second run costs nothing.
"""
import concurrent.futures
import glob
import hashlib
import json
import os
import pathlib
import re
import subprocess

from source import Finding

COMPILER = os.environ.get("CXX", "g++")
FLAGS = ["-std=gnu++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-Wno-attributes",
         "-Wno-unused-function", "-fno-exceptions", "-fno-rtti", "-D_GNU_SOURCE", "-x", "c++"]


def proved_by_build(header, by_path):
    for suffix in (".cc", "_test.cc"):
        source = by_path.get(header[: -len(".h")] + suffix)
        if source and source.includes and source.includes[0][1] == header:
            return True
    return False


def digest_of(root, names):
    digest = hashlib.sha256(" ".join([COMPILER] + FLAGS).encode())
    for name in sorted(names):
        try:
            digest.update(name.encode() + b"\0" + (pathlib.Path(root) / name).read_bytes())
        except OSError:
            return None
    return digest.hexdigest()


def compile_header(root, header):
    """(error text or None, files of this tree it pulled in)"""
    process = subprocess.run([COMPILER, *FLAGS, "-I", ".", "-I", "build/debug", "-MMD", "-MF", "/dev/stdout", "-include", header, "/dev/null"],
                             cwd=root, capture_output=True, text=True)
    if process.returncode != 0:
        errors = [line for line in process.stderr.splitlines() if "error:" in line]
        return (errors or [process.stderr.strip() or "does not compile"])[0], []
    names = re.sub(r"\\\n", " ", process.stdout).split(":", 1)[-1].split()
    return None, sorted({os.path.normpath(n) for n in names if not n.startswith("/")})


def check_alone(sources, root, everything):
    by_path = {source.path: source for source in sources}
    cache_path = pathlib.Path(root) / "build" / "lint" / "headers.json"
    try:
        cache = json.loads(cache_path.read_text())
    except (OSError, ValueError):
        cache = {}
    todo = []
    for source in sources:
        if not source.is_header or "/guest/" in source.path:
            continue
        if not everything and proved_by_build(source.path, by_path):
            continue
        entry = cache.get(source.path)
        if not entry or digest_of(root, entry["files"]) != entry["digest"]:
            todo.append(source.path)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for header, (error, files) in zip(todo, pool.map(lambda h: compile_header(root, h), todo)):
            if error:
                cache.pop(header, None)
                yield Finding(header, 1, "headers", f"does not compile alone: {error}")
            else:
                cache[header] = {"files": files, "digest": digest_of(root, files)}
    cache_path.parent.mkdir(parents=True, exist_ok=True)
    cache_path.write_text(json.dumps(cache))


def check_compatibility(root):
    """Runs the newest gen_compat of any build folder; nothing to say when none was built."""
    found = [p for pattern in ("build/*/gen_compat", "build/*/tools/gen/gen_compat") for p in glob.glob(os.path.join(root, pattern))]
    if not found:
        return
    generator = max(found, key=os.path.getmtime)
    process = subprocess.run([generator], cwd=root, capture_output=True, text=True, timeout=60)
    page = pathlib.Path(root) / "COMPATIBILITY.md"
    name = os.path.relpath(generator, root)
    if process.returncode != 0:
        yield Finding("COMPATIBILITY.md", 1, "generated", f"{name} failed: {process.stderr.strip()[:200]}")
    elif not page.exists() or page.read_text(encoding="utf-8") != process.stdout:
        yield Finding("COMPATIBILITY.md", 1, "generated", f"is stale: {name} > COMPATIBILITY.md")


def check(sources, root, everything):
    yield from check_alone(sources, root, everything)
