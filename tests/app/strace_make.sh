# timeout: 120
# needs: strace make gcc
# strace -f of a make with two compilations: every process is followed, the build is right, and the trace shows what must be in it.
set -e
cat > a.c <<'C'
int answer(void) { return 42; }
C
cat > main.c <<'C'
#include <stdio.h>
int answer(void);
int main(void) { printf("%d\n", answer()); return 0; }
C
printf 'prog: a.o main.o\n\tgcc -o prog a.o main.o\n%%.o: %%.c\n\tgcc -c -O1 -o $@ $<\n' > Makefile
strace -f -o trace make -s -j2 prog
./prog
echo "execs of compilers: $(grep -c 'execve("[^"]*/cc1"' trace)"
pids=$(awk '{print $1}' trace | sort -u | wc -l)
ends=$(grep -c '+++ exited with 0 +++' trace)
[ "$pids" = "$ends" ] && echo "every process was seen to its end"
strace -c -o counts true && grep -q '^100' counts && echo "counted"
strace -e trace=none -e signal=all bash -c 'kill -USR1 $$; echo no' 2>&1 | sed -E 's/[0-9]{2,}/N/g' | grep -- '---\|+++'
strace -o /dev/null -e inject=mkdir:error=ENOSPC mkdir folder 2>&1 || echo "no folder: status $?"
strace -f -e trace=exit_group -o ends bash -c '(exit 3); (exit 4); exit 5' || echo "status $?"
sed -E 's/^[0-9]+ +//' ends | grep exited | sort
