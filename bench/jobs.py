"""Whole jobs, as users run them: shell scripts over $WORK (empty, writable) and $TOOLS (read-only)."""
import os

JOBS = {
    "spawn_200_true": "for i in $(seq 200); do /bin/true; done",
    "subshells_100_piped": "for i in $(seq 100); do echo $i | (cat >/dev/null); done",
    "make_j2_c_project": 'cp -r "$TOOLS/project" "$WORK/build" && make -s -j2 -C "$WORK/build" && "$WORK/build/program"; s=$?; rm -rf "$WORK/build"; exit $s',
    "find_usr_share": "find /usr/share | wc -l",
    "tar_usr_share_doc": "tar -cf - /usr/share/doc 2>/dev/null | cat | wc -c",
    "small_files_1000": 'mkdir "$WORK/f" && cd "$WORK/f" && for i in $(seq 1000); do echo $i >$i; done; cat * | wc -l; cd /; rm -r "$WORK/f"',
    "python3_startup": "python3 -c 'import json, subprocess'",
}
NEEDS = {"make_j2_c_project": ["make", "cc"], "python3_startup": ["python3"]}
FILES = 20


def write_project(folder):
    """A small C project: enough functions and headers that the compiler works and the linker has something to do."""
    os.mkdir(folder)
    names = [f"part{i}" for i in range(FILES)]
    for i, name in enumerate(names):
        with open(os.path.join(folder, name + ".c"), "w") as file:
            file.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <stdint.h>\n#include <unistd.h>\n")
            for j in range(30):
                file.write(f"static uint64_t f{j}(uint64_t x) {{\n  char text[64];\n  snprintf(text, sizeof text, \"%llu\", (unsigned long long)x * {i + j + 1});\n"
                           "  uint64_t sum = 0;\n  for (size_t k = 0; k < strlen(text); k++) sum = sum * 31 + (unsigned char)text[k];\n  return sum;\n}\n")
            calls = " ^ ".join(f"f{j}(x + {j})" for j in range(30))
            file.write(f"uint64_t {name}(uint64_t x) {{ return {calls}; }}\n")
    with open(os.path.join(folder, "main.c"), "w") as file:
        file.write("#include <stdint.h>\n" + "".join(f"uint64_t {n}(uint64_t);\n" for n in names))
        file.write("int main(void) {\n  uint64_t sum = 0;\n" + "".join(f"  sum += {n}(sum);\n" for n in names) + "  return sum == 0;\n}\n")
    objects = " ".join(n + ".o" for n in names + ["main"])
    with open(os.path.join(folder, "Makefile"), "w") as file:
        file.write(f"CFLAGS = -O1\nprogram: {objects}\n\t$(CC) -o $@ $^\n")
