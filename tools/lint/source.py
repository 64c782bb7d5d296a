"""A source file as the checks see it: its lines, its includes, and its code without comments and literals."""
import dataclasses
import functools
import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
CXX = (".h", ".cc")
# Comments, raw strings, strings and characters, in the order in which they must win.
TOKEN = re.compile(r'//(?:\\\n|[^\n])*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    check: str
    message: str
    warning: bool = False

    def text(self):
        return f"{self.path}:{self.line}: {'warning: ' if self.warning else ''}[{self.check}] {self.message}"


class Source:
    def __init__(self, root, path):
        self.root = root
        self.path = path
        self.text = (pathlib.Path(root) / path).read_text(encoding="utf-8", errors="replace")

    @functools.cached_property
    def lines(self):
        return self.text.splitlines()

    @functools.cached_property
    def code(self):
        """The text with comments and the insides of literals blanked out: same length, same lines."""

        def blank(match):
            text = match.group(0)
            keep = text[0] if text[0] in "\"'" else ""
            body = "".join(c if c == "\n" else " " for c in text[len(keep): len(text) - len(keep)])
            return keep + body + keep

        return TOKEN.sub(blank, self.text)

    @functools.cached_property
    def includes(self):
        """[(line, name, quoted)]"""
        found = []
        for number, line in enumerate(self.lines, 1):
            match = INCLUDE.match(line)
            if match:
                found.append((number, match.group(1) or match.group(2), match.group(1) is not None))
        return found

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @property
    def is_cxx(self):
        return self.path.endswith(CXX)

    @property
    def is_unit_test(self):
        return bool(re.search(r"_(test|fuzz|bench)\.cc$|/test_\w+\.(h|cc)$", self.path))
