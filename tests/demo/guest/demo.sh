#!/bin/sh
# Runs inside the sandbox: shell, coreutils, Python, and the kernel's own name. Every step says what it proves and must hold.
set -eu

step() { printf '\n-- %s\n' "$*"; }
fail() {
  printf 'demo: FAILED: %s\n' "$*"
  exit 1
}
equal() { [ "$1" = "$2" ] || fail "$3: got '$1', want '$2'"; }

step 'whose kernel is this?'
uname -a
cat /proc/version
case "$(uname -r)" in *ringwall*) ;; *) fail "uname -r does not name our kernel: $(uname -r)" ;; esac
case "$(cat /proc/version)" in "Linux version $(uname -r)"*) ;; *) fail '/proc/version and uname -r disagree' ;; esac
equal "$(hostname 2> /dev/null || uname -n)" ringwall-demo hostname
id
echo "init is pid $$"

step 'a shell: pipes, subshells, traps, background jobs, here documents'
equal "$(printf '%s\n' c a b | sort | tr -d '\n')" abc 'a pipe'
equal "$( (exit 7) || echo $?)" 7 'exit status of a subshell'
sh -c 'trap "echo caught; exit 3" TERM; kill -TERM $$' > /tmp/trap || equal $? 3 'exit status of a trap'
equal "$(cat /tmp/trap)" caught 'a trap'
sleep 0.2 & job=$!
wait "$job" || fail 'wait for a background job'
sum=0
for i in 1 2 3 4 5; do sum=$((sum + i)); done
equal "$sum" 15 arithmetic
if [ -x /bin/bash ]; then
  equal "$(bash -c 'a=(x y z); echo ${#a[@]} ${a[2]}; diff <(echo 1) <(echo 1) && echo same' | tr '\n' ' ')" '3 z same ' 'bash arrays and process substitution'
fi

step 'coreutils over files'
mkdir -p /tmp/tree && cd /tmp/tree
i=0
while [ $i -lt 200 ]; do
  echo "file $i" > "f$i"
  i=$((i + 1))
done
equal "$(ls | wc -l | tr -d ' ')" 200 'ls | wc'
equal "$(cat f* | sha256sum | cut -c1-12)" "$(ls f* | while read -r f; do cat "$f"; done | sha256sum | cut -c1-12)" sha256sum
equal "$(printf abc | sha256sum | cut -d' ' -f1)" ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 'sha256sum of "abc"'
ln -s f1 link && equal "$(readlink link)" f1 readlink
cp -r /tmp/tree /tmp/copy && diff -r /tmp/tree /tmp/copy || fail 'cp -r and diff'
tar cf /tmp/t.tar -C /tmp tree && equal "$(tar tf /tmp/t.tar | wc -l | tr -d ' ')" 202 tar
find /tmp/tree -name 'f1*' -type f | sort | head -3
equal "$(find /tmp/tree -name 'f1*' -type f | wc -l | tr -d ' ')" 111 find
dd if=/dev/zero of=/tmp/zero bs=65536 count=16 2> /dev/null && equal "$(wc -c < /tmp/zero | tr -d ' ')" 1048576 'dd and /dev/zero'
ls -l / | sort -k9 | head -30
equal "$(seq 1 1000 | sort -rn | head -1)" 1000 'seq and sort'
rm -r /tmp/tree /tmp/copy /tmp/t.tar /tmp/zero
cd /root

step 'Python: threads, a subprocess, pipes, files'
if command -v python3 > /dev/null; then
  python3 /opt/demo/demo.py || fail 'Python'
else
  echo 'no python3 in this root file system: skipped'
fi

step 'what the sandbox looks like from inside'
ls /proc | head -20
head -3 /proc/meminfo
echo "mounts: $(wc -l < /proc/mounts)"

printf '\ndemo: every step passed\n'
