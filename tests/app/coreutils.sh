# Coreutils in a folder that is writable from outside: what they make is what they say.
# timeout: 120
set -eu
umask 022
seq 1 2000 > numbers
sort -rn numbers | head -3
shuf -i 1-100 --random-source=numbers | md5sum
split -l 300 numbers part. && ls part.* | tr '\n' ' ' && cat part.* | cmp - numbers && echo 'split and cat agree'
cp -a numbers copy && touch -d '2020-01-02 03:04:05 UTC' copy && stat -c '%s %a %Y %F %h' copy
ln copy hard && ln -s copy soft && stat -c '%h %F' hard soft && readlink -f soft | sed "s|$PWD|WORK|"
mv hard moved && rm soft && ls
mkdir -p a/b/c && chmod 751 a/b && stat -c '%a %n' a a/b a/b/c && rmdir -p a/b/c && [ ! -e a ]
install -m 640 numbers installed && stat -c %a installed
truncate -s 1M sparse && stat -c %s sparse && dd if=sparse bs=4096 count=10 2> /dev/null | od -An -tx1 | head -2
dd if=/dev/urandom of=random bs=1k count=64 2> /dev/null && [ "$(wc -c < random)" = 65536 ] && base64 random | base64 -d | cmp - random
mkfifo pipe && (echo through a fifo > pipe &) && cat pipe
echo tee | tee one two && cat one two
printf 'b 2\na 1\n' | sort > left && printf 'a x\nb y\n' > right && join left right | paste -sd,
cut -d: -f1 /etc/passwd | head -3 | nl
expr 6 \* 7; factor 1001; basename /a/b.c .c; dirname /a/b; date -u -d @86400 +%F
timeout 0.2 sleep 5 || echo "timeout says $?"
nice -n 5 nice; env -i A=1 env; test -t 0 || echo 'standard input is no terminal'
sha1sum numbers; cksum numbers; md5sum < /bin/true > /dev/null && wc -lwc numbers
ls /nonexistent 2>&1 || echo "ls says $?"
cat /root/../etc/hostname > /dev/null && realpath --relative-to=/usr /usr/lib/../bin
echo gone > g && exec 9< g && rm g && cat <&9
