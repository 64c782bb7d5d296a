# awk, sed, grep and friends in long pipelines: many short processes and many pipes.
# timeout: 180
set -o pipefail
seq 1 50000 | awk '{ s += $1 * $1 } END { print s }'
seq 1 20000 | sed -n '/7$/p' | grep -c 77
seq 1 3000 | awk '{ print $1 % 17 }' | sort -n | uniq -c | sort -k1,1nr -k2,2n | head -3
seq 1 100 | xargs -n 7 echo | sed 's/ /+/g' | awk -F+ '{ s = 0; for (i = 1; i <= NF; i++) s += $i; print s }' | paste -sd' '
printf '%s\n' /usr/share/common-licenses/GPL-3 /usr/share/common-licenses/GPL-2 | xargs cat | tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | sort | uniq -c | sort -k1,1nr -k2 | head -12
grep -rl 'define' /usr/include/linux 2> /dev/null | LC_ALL=C sort | md5sum
find /usr/share/doc -maxdepth 1 -type d -print0 | xargs -0 -n 50 -P 4 ls -d | LC_ALL=C sort | md5sum
yes ringwall | head -c 5000000 | tr a-z n-za-m | sha1sum
yes | head -1 ; echo "status ${PIPESTATUS[*]}"
echo 'a b c' | { read -r x y z; echo "$z$y$x"; }
diff <(seq 1 10) <(seq 2 11) ; echo "diff says $?"
for i in $(seq 1 150); do echo "$i" | cat | grep -q "$i" || echo "lost $i"; done; echo loops
seq 1 10 | while read -r n; do (exit $((n % 3))) || echo "n=$n says $?"; done
comm -12 <(seq 1 2 40 | sort) <(seq 1 3 40 | sort) | tr '\n' ' '
tac <(printf '1\n2\n3\n') | rev | paste -sd:
