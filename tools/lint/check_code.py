"""C++ habits that the compiler does not know: where TRY may stand, locks with ranks, host calls with a reason."""
import re

from source import Finding

TRY = re.compile(r"(?<![\w#])TRY\s*\(")
STATEMENT_BEFORE = re.compile(r"(?:^|[;{})=:]|\breturn|\belse|\bdo)\s*$")
RANK = re.compile(r"^\s*(k\w+)\s*=\s*(\d+)\s*,?\s*(//.*)?$")
FOREIGN_LOCK = re.compile(r"\b(?:absl::(?:Mutex|MutexLock|CondVar)|std::(?:mutex|recursive_mutex|shared_mutex|timed_mutex|condition_variable\w*|lock_guard|unique_lock|scoped_lock)|pthread_mutex_t)\b")
MUTEX_ARGUMENT = re.compile(r"\bMutex<\s*([^<>]*?)\s*>")
TEST_CODE = ("tests/", "bench/", "tools/", "platform/conformance/")
RANK_FILE = "base/sync/lock_order.h"


def closing(code, start):
    """Offset behind the parenthesis that closes the one at `start`; -1 when there is none."""
    depth = 0
    for offset in range(start, len(code)):
        if code[offset] == "(":
            depth += 1
        elif code[offset] == ")":
            depth -= 1
            if depth == 0:
                return offset + 1
    return -1


def check_try(source):
    code = re.sub(r"(?m)^[ \t]*#(?:\\\n|[^\n])*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), source.code)
    for match in TRY.finditer(code):
        end = closing(code, match.end() - 1)
        after = code[end:].lstrip()[:1] if end > 0 else ""
        # `)` in front is right only behind if (...), for (...), while (...): a cast or a call would put an operator there.
        if not STATEMENT_BEFORE.search(code[max(0, match.start() - 200): match.start()]) or after != ";":
            yield Finding(source.path, source.line_of(match.start()), "try",
                          "TRY is a whole statement or a whole initialiser (inside braces the members built before it leak)")


def check_locks(source):
    if source.path.startswith("base/sync/"):
        return
    if source.is_unit_test or source.path.startswith(TEST_CODE):
        return
    for match in FOREIGN_LOCK.finditer(source.code):
        yield Finding(source.path, source.line_of(match.start()), "locks", f"{match.group(0)}: use Mutex<LockRank::k...> (base/sync/mutex.h)")
    for match in MUTEX_ARGUMENT.finditer(source.code):
        argument = match.group(1)
        if not re.search(r"\bk[A-Z]\w*$", argument) and not re.search(r"\bLockRank\b", argument):
            yield Finding(source.path, source.line_of(match.start()), "locks", f"Mutex<{argument}> names no rank of {RANK_FILE}")
    members = re.search(r"^\s*(?:mutable\s+)?Mutex<LockRank::\w+>\s+\w+_?\s*;", source.code, re.M)
    if members and "ABSL_GUARDED_BY" not in source.code and "ABSL_PT_GUARDED_BY" not in source.code and not source.is_unit_test:
        yield Finding(source.path, source.line_of(members.start()), "locks", "a mutex that guards nothing: no ABSL_GUARDED_BY in this file", warning=True)


def check_ranks(sources):
    ranks = next((s for s in sources if s.path == RANK_FILE), None)
    if ranks is None:
        return
    used = "\n".join(s.code for s in sources if s.is_cxx and not s.path.startswith("base/sync/"))
    last, names = -1, {}
    for number, line in enumerate(ranks.lines, 1):
        match = RANK.match(line)
        if not match:
            continue
        name, value, comment = match.group(1), int(match.group(2)), match.group(3)
        if name.lower() in ("knone", "kunranked", "kany"):
            yield Finding(ranks.path, number, "locks", f"{name}: there is no rank that means no rank")
        if value <= last:
            yield Finding(ranks.path, number, "locks", f"{name} = {value} does not come after {last}: outermost first")
        if not comment:
            yield Finding(ranks.path, number, "locks", f"{name}: one line says why it sits here")
        last, names[name] = value, number
    for name, number in names.items():
        if not re.search(rf"\bLockRank::{name}\b", used):
            yield Finding(ranks.path, number, "locks", f"{name}: no lock has this rank yet", warning=True)


# The openings of a rule: a row of a table, or a call that adds one to a host::Policy.
RULE = re.compile(r'(?:\{|\.\s*(?:Allow|Fail|Deny|Errno|Trap|Notify|Add)\w*\()\s*(?:\.\w+\s*=\s*)?'
                  r'(?:"(?P<text>[a-z][a-z0-9_]+)"|SCMP_SYS\((?P<macro>\w+)\)|(?:SYS_|__NR_)(?P<number>\w+))')


LIST_OF_CALLS = re.compile(r"\{\s*(?:SYS_|__NR_)\w+(?:\s*,\s*(?:SYS_|__NR_)\w+)+\s*,?\s*\}$")


def string_literals(text):
    """The literals of a piece of code; neighbours that the compiler joins count as one."""
    return [re.sub(r'"\s*"', "", s) for s in re.findall(r'"(?:\\.|[^"\\])*"(?:\s*"(?:\\.|[^"\\])*")*', text)]


def check_filter_reasons(source):
    """A rule of a filter.cc starts with the call's name or number; a literal behind it says why."""
    for match in RULE.finditer(source.text):
        if not source.code[match.start()].strip():  # inside a comment
            continue
        depth, end = 0, match.start()
        while end < len(source.code):
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(source.code[end], 0)
            end += 1
            if depth == 0 and source.code[end - 1] in "})":
                break
        if LIST_OF_CALLS.match(source.text[match.start():end]):
            continue
        literals = string_literals(source.text[match.start():end])
        if match.group("text"):
            literals = literals[1:]
        if not any(len(literal.strip('"').strip()) >= 4 for literal in literals):
            name = match.group("text") or match.group("macro") or match.group("number")
            yield Finding(source.path, source.line_of(match.start()), "filter", f"the rule for {name} gives no reason")


def check(sources):
    for source in sources:
        if not source.is_cxx:
            continue
        if source.path != "base/error/result.h":
            yield from check_try(source)
        yield from check_locks(source)
        if source.path.endswith("/filter.cc"):
            yield from check_filter_reasons(source)
    yield from check_ranks(sources)
