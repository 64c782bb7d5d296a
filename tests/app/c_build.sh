# A generated C project of ten files: make -j4, its tests, an incremental build.
# timeout: 240
# needs: gcc make
set -eu
mkdir src && cd src
for i in 0 1 2 3 4 5 6 7 8 9; do
  cat > "part$i.c" << EOF
#include "parts.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void* a, const void* b) { return *(const int*)a - *(const int*)b; }
int part$i(int n) {
  int* values = malloc(sizeof(int) * (size_t)n);
  for (int i = 0; i < n; i++) values[i] = (i * 7919 + $i * 104729) % 1009;
  qsort(values, (size_t)n, sizeof(int), compare);
  int middle = values[n / 2] + (int)lround(sqrt((double)$i));
  free(values);
  return middle;
}
EOF
done
{
  echo '#pragma once'
  for i in 0 1 2 3 4 5 6 7 8 9; do echo "int part$i(int n);"; done
} > parts.h
{
  echo '#include <stdio.h>'
  echo '#include "parts.h"'
  echo 'int main(void) {'
  for i in 0 1 2 3 4 5 6 7 8 9; do echo "  printf(\"part$i %d\\n\", part$i(500 + $i));"; done
  echo '  return 0;'
  echo '}'
} > main.c
cat > Makefile << 'EOF'
CFLAGS = -O2 -Wall -Wextra
OBJECTS = main.o $(patsubst %,part%.o,0 1 2 3 4 5 6 7 8 9)
program: $(OBJECTS)
	$(CC) -o $@ $^ -lm
%.o: %.c parts.h
	$(CC) $(CFLAGS) -c -o $@ $<
check: program
	./program > out && test `wc -l < out` = 10 && grep -q 'part9' out && echo 'make check: passed'
.PHONY: check
EOF
make -j4 > log 2>&1 || { cat log; exit 1; }
grep -c '^cc' log
./program
make -s check
make -j4 | tail -1
touch part3.c && make -j4 | wc -l
./program | md5sum
g++ -std=c++20 -O1 -x c++ -o hello - << 'EOF'
#include <iostream>
#include <thread>
#include <vector>
int main() {
  std::vector<std::thread> threads;
  std::vector<int> sums(4);
  for (int i = 0; i < 4; i++) threads.emplace_back([&sums, i] { for (int j = 0; j < 1000; j++) sums[i] += j * i; });
  for (auto& t : threads) t.join();
  try { throw sums[3]; } catch (int n) { std::cout << n << "\n"; }
}
EOF
./hello
