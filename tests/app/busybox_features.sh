# busybox: its shell and the applets that scripts use, on files, processes, terminals and the loopback.
# timeout: 300
# needs: busybox
mkdir bin; busybox --install -s "$PWD/bin"; cat > script << 'END'
for a in awk cat cut find grep gzip head sed sort tar tr uniq vi wget xargs; do [ -L "$W/bin/$a" ] || echo "no $a"; done
mkdir -p t/a/b; i=0; while [ $i -lt 300 ]; do echo "line $i" > t/a/f$i; i=$((i + 1)); done; cp -a t/a/f1 t/a/b/copy; ln -s f2 t/a/link; mkfifo t/a/fifo
find t -type f | wc -l; find t -type l -exec readlink {} \; ; find t -name 'f29*' | sort | xargs cat | awk '{ s += $2 } END { print s }'
tar -czf t.tgz t; rm -r t; tar -xzf t.tgz; find t | wc -l; [ -p t/a/fifo ] && echo fifo came back
(cd t && find . -type f | cpio -o -H newc 2> /dev/null) > t.cpio; mkdir u; (cd u && cpio -id < ../t.cpio 2> /dev/null; find . -type f | wc -l)
dd if=/dev/zero of=sparse bs=1 count=1 seek=1048575 2> /dev/null; stat -c '%s' sparse; truncate -s 10 sparse; stat -c %s sparse; od -An -tx1 sparse | tr -d ' \n'; echo
printf 'b 2\na 10\nc 1\n' | sort -k2n | tee sorted | uniq | md5sum; sha256sum sorted | cut -c1-16; printf 'x\ty\n' | expand | cat -A
sed -i 's/^a/A/' sorted; cat sorted; diff t/a/f1 t/a/f2 > patchfile || true; patch t/a/f1 < patchfile > /dev/null; cat t/a/f1
chmod 4751 sorted; stat -c '%a %A' sorted; touch -d '2020-02-02 02:02:02' sorted; date -r sorted -u +%F; [ sorted -ot t.tgz ] && echo older
(trap 'echo got usr1' USR1; kill -USR1 $(sh -c 'echo $PPID'); echo on); sh -c 'kill -9 $$' 2> /dev/null || echo "status $?"
sleep 30 & p=$!; kill -STOP $p; sleep 0.2; ps -o pid,stat | awk -v p=$p '$1 == p { print substr($2, 1, 1) }'; kill -9 $p; wait $p || echo "killed $?"
timeout 1 sleep 20 || echo "timed out $?"; setsid sh -c 'echo own session'
mktemp -d /tmp/bb.XXXXXX | sed 's/......$//'; rmdir /tmp/bb.??????
yes | head -c 200000 | wc -c; seq 5 | tac | paste -s -d,; echo hello | tee >/dev/null; usleep 1000
port=$((20000 + $$ % 10000)); mkdir www; echo "served" > www/page; httpd -f -p 127.0.0.1:$port -h www & h=$!; n=0; until wget -q -O - http://127.0.0.1:$port/page; do n=$((n + 1)); [ $n -lt 50 ] || break; sleep 0.1; done 2> /dev/null; kill $h
id -u; whoami; hostname > /dev/null; uname -s; test -c /dev/null && echo char; cat /proc/self/comm; expr 6 \* 7; echo 6 7 '*' p | dc; factor 360
END
# What the shell says about jobs that were killed depends on when it looks.
W=$PWD PATH=$PWD/bin busybox sh script 2> /dev/null
