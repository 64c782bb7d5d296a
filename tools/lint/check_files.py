"""What every file owes the reader: a first line, a size, no private paths, no open end that nobody tracks."""
import re
import subprocess

from source import Finding

SOFT, HARD, HEADER_SOFT = 400, 800, 250
ALLOW_LIST = "tools/lint/size_allow.txt"
# The pieces are joined here so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:" + "work" + r"|home/[a-z][a-z0-9_-]*/(?:src|git|work)|tmp/bash_jobs)\b")
UNTRACKED = re.compile(r"\b(TO" + "DO|FIX" + r"ME|XX" + r"X)\b(?!\(#\d+\))")
COMMENT_START = {".h": "// ", ".cc": "// ", ".S": ("// ", "/* ", "# "), ".py": ("# ", '"""'), ".sh": "# ", ".toml": "# ", ".cmake": "# "}


def read_allow_list(text):
    """{path: lines}"""
    entries = {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line:
            path, lines = line.split()
            entries[path] = int(lines)
    return entries


def check_size(source, allow):
    count = len(source.lines)
    if not source.path.endswith((".h", ".cc", ".S", ".py", ".sh")):
        return None
    if source.path in allow:
        if count > allow[source.path]:
            return Finding(source.path, 1, "size", f"{count} lines; the allow list says {allow[source.path]} and may only shrink")
        if count <= HARD:
            return Finding(source.path, 1, "size", f"{count} lines: take it off {ALLOW_LIST}")
        return None
    if count > HARD:
        return Finding(source.path, 1, "size", f"{count} lines, the ceiling is {HARD}: split it by topic")
    soft = HEADER_SOFT if source.is_header else SOFT
    if count > soft:
        return Finding(source.path, 1, "size", f"{count} lines, {soft} is where a file starts to have two jobs", warning=True)
    return None


def check_first_line(source):
    suffix = "." + source.path.rsplit(".", 1)[-1] if "." in source.path else ""
    start = COMMENT_START.get(suffix)
    if start is None or not source.lines:
        return None
    first = source.lines[1] if source.lines[0].startswith("#!") and len(source.lines) > 1 else source.lines[0]
    if not first.startswith(start):
        return Finding(source.path, 1, "first-line", "the first line says in one comment what the file is")
    return None


def check_allow_list_growth(root, allow):
    old = subprocess.run(["git", "-C", root, "show", f"HEAD:{ALLOW_LIST}"], capture_output=True, text=True)
    if old.returncode != 0:
        return
    before = read_allow_list(old.stdout)
    for path, lines in allow.items():
        if path not in before or lines > before[path]:
            yield Finding(ALLOW_LIST, 1, "size", f"{path}: the allow list may only shrink")


def check(sources, root, allow):
    present = {source.path for source in sources}
    for source in sources:
        for found in (check_size(source, allow), check_first_line(source)):
            if found:
                yield found
        if source.is_header and not any(line.strip() == "#pragma once" for line in source.lines[:30]):
            yield Finding(source.path, 1, "pragma", "no #pragma once in the first 30 lines")
        for number, line in enumerate(source.lines, 1):
            if MACHINE_PATH.search(line):
                yield Finding(source.path, number, "machine-path", "a path of somebody's machine")
            if UNTRACKED.search(line) and not source.path.startswith("docs/"):
                yield Finding(source.path, number, "todo", "a TO" + "DO names its issue: TO" + "DO(#12)")
    for path in sorted(set(allow) - present):
        yield Finding(ALLOW_LIST, 1, "size", f"{path} does not exist any more: remove the line")
    yield from check_allow_list_growth(root, allow)
