# timeout: 120
# needs: gdb gcc
# A gdb batch session: breakpoints, threads, steps, calls into the program, changed variables, a core of a crash by signal.
set -e
cat > t.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static int counter;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
__attribute__((noinline)) int work(int x) {
  pthread_mutex_lock(&lock);
  counter += x;
  int result = counter * 2;
  pthread_mutex_unlock(&lock);
  return result;
}
static void* run(void* a) {
  for (int i = 0; i < 3; ++i) work((int)(long)a);
  return 0;
}
int main(int argc, char** argv) {
  pthread_t t[3];
  double ratio = 1.5;
  for (long i = 0; i < 3; ++i) pthread_create(&t[i], 0, run, (void*)(i + 1));
  for (int i = 0; i < 3; ++i) pthread_join(t[i], 0);
  printf("counter %d ratio %.1f\n", counter, ratio);
  if (argc > 1) *(volatile int*)8 = 1;
  return 5;
}
C
gcc -g -O0 -o t t.c -lpthread
tidy() { sed -E 's/0x[0-9a-f]+/0xX/g; s/Thread 0xX \(LWP [0-9]+\)/Thread/g; s/LWP [0-9]+/LWP N/g; s/process [0-9]+/process N/g' | grep -v '^\[\|^warning\|^$\|debuginfod\|Downloading\|libthread_db\|pthread_create.c\|clone'; }
session() { gdb -nx -batch -ex 'set confirm off' -ex 'set debuginfod enabled off' "$@" 2>&1 | tidy; }
echo "== breakpoint in main"
session -ex 'break 24' -ex run -ex 'print counter' -ex 'print ratio' -ex 'set var ratio = 2.5' -ex 'print work(4)' -ex 'info threads' -ex continue --args ./t | grep -v '^\* 1\|Id '
echo "== every thread hits a breakpoint"
cat > hits.gdb <<'G'
break work
commands
silent
printf "hit with %d\n", x
continue
end
run
G
session -x hits.gdb ./t | grep -E '^hit|^counter' | sort
echo "== steps"
session -ex 'break main' -ex run -ex next -ex stepi -ex stepi -ex 'print $_siginfo.si_signo' -ex 'info program' -ex kill ./t | grep -E 'main|^\$|stopped' | sed -E 's/ at .*//'
echo "== a crash"
session -ex run -ex 'print $_siginfo.si_signo' -ex 'print $_siginfo._sifields._sigfault.si_addr' -ex 'print counter' -ex continue --args ./t x
echo "== catching calls and forks"
session -ex 'catch syscall write' -ex run -ex 'print $rdi' -ex continue -ex delete -ex continue ./t | grep -E '^Catch|^\$|counter|exited'
session -ex 'catch fork' -ex run -ex 'delete' -ex continue --args bash --norc -c '/bin/true; exit 3' | grep -E 'Catchpoint 1|exited' | sed -E 's/\(.*//'
