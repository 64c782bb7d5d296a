# What scripts use of bash: descriptors, expansions, traps, jobs, process substitution, sockets as files, limits.
# timeout: 300
exec 2>&1
quiet() { { "$@"; } 2> /dev/null; }  # bash's "Killed" names a process id
set -o pipefail; false | true | (exit 3); echo "pipe: $? ${PIPESTATUS[*]}"; set +o pipefail
exec {fd}> numbered; echo "to $((fd > 9))" >&$fd; exec {fd}>&-; cat numbered
exec 5<> both; echo hello >&5; exec 6<&5-; echo there >&6; exec 6>&-; cat both
set -o noclobber; echo x > both && echo clobbered; echo y >| both; cat both; set +o noclobber
cat <(echo one) <(echo two); tee >(tr a-z A-Z > upper) <<< "here string" > lower; sleep 0.3; cat lower upper
while IFS=: read -r user _ uid _; do echo "$user=$uid"; done < <(head -3 /etc/passwd)
mapfile -t -s 1 -n 2 lines < <(printf '%s\n' a b c d); echo "${lines[@]}"
shopt -s extglob globstar nullglob dotglob; mkdir -p d/e/f; touch d/a.c d/e/b.c d/e/f/.c.c d/x.h
echo d/**/*.c; echo d/!(*.c|e); echo none*; shopt -u nullglob; echo none*
echo {a..e}{1..3..2} {01..03}; printf -v v '%05.1f|%q|%(%Y)T' 3.14159 "a'b" 0; echo "$v"
x=foo.tar.gz; echo "${x%%.*} ${x#*.} ${x/o/0} ${x//o/0} ${x^} ${x:4:3} ${#x} ${x: -2}"; declare -n ref=x; ref=changed; echo $x
f() { trap 'echo return $FUNCNAME' RETURN; return 4; }; f; echo "f: $?"; trap - RETURN
(trap 'echo "err at status $?"' ERR; false; true; (exit 7))
(trap 'echo "exit"' EXIT; trap 'echo "usr1"' USR1; kill -USR1 $BASHPID; echo after)
(trap '' TERM; bash -c 'kill -TERM $$; echo "ignored signals stay ignored"')
(trap 'echo chld' CHLD; set -m; sleep 0.1 & wait; echo waited)
sleep 30 & p=$!; until [[ $(< /proc/$p/comm) == sleep ]]; do :; done; kill -0 $p && echo alive; kill -STOP $p; sleep 0.1; awk '/^State/ {print $2}' /proc/$p/status; kill -CONT $p; kill -INT $p; kill -KILL $p; quiet wait $p; echo "killed: $?"
(sleep 0.4; exit 3) & a=$!; (sleep 0.1; exit 4) & b=$!; wait -n -p who; echo "first $? $((who == b))"; wait $a; echo "second $?"
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/only /'
(exec -a renamed bash -c 'echo $0'); nohup echo through nohup < /dev/null 2>&1 | tail -1; setsid bash -c '[[ $(ps -o sid= -p $$) -eq $$ ]] && echo leads a session'
coproc bc_like { while read -r l; do echo $((l)); done; }; echo '6 * 7' >&"${bc_like[1]}"; read -r -u "${bc_like[0]}" answer; echo $answer; kill $bc_like_PID; wait $bc_like_PID 2> /dev/null
mkfifo fifo; [[ -p fifo && ! -S fifo && -O fifo ]] && echo a fifo; (sleep 0.1; echo through > fifo) & read -r -t 5 line < fifo; echo $line; wait
read -r -N 3 three <<< abcdef; read -r -d , part <<< "left,right"; echo "$three $part"; read -r -t 0.1 never < <(sleep 1); echo "timeout $(($? > 128))"
touch -d '2001-01-01' old; touch new; [[ old -ot new && new -nt old ]] && echo older; ln new hard; [[ new -ef hard ]] && echo same file
(ulimit -S -n 20; ulimit -S -n; for i in {1..30}; do exec {n}< /dev/null || { echo "no more"; break; }; done) | sed 's/.*Too many open files/Too many open files/'
bash -c 'ulimit -f 1; head -c 100000 /dev/zero > big; echo "file size limit $?"' 2> /dev/null; stat -c %s big
umask u=rwx,g=rx,o=; umask -S; mkdir masked; stat -c %a masked; umask 022
OPTIND=1; while getopts ab:c o -a -b val -c; do echo "$o ${OPTARG-}"; done
time_out() { timeout 0.2 sleep 10; echo "timeout: $?"; bash -c 'timeout -s KILL 0.2 sleep 10; echo "kill: $?"' 2> /dev/null; }; time_out
python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
c = s.accept()[0]; c.sendall(b"got " + c.recv(100)); c.close()' > port & while [[ ! -s port ]]; do sleep 0.05; done
exec 7<> /dev/tcp/127.0.0.1/$(< port); echo hello >&7; cat <&7; exec 7>&-; wait
(exec 3>&1; exec > file; echo to the file; exec >&3 3>&-; echo to the pipe); cat file
seq 1 50000 | head -1; echo "${PIPESTATUS[*]}" | sed 's/141/broken pipe/'
bash -c 'bash -c "f() { f; }; ulimit -s 256; f"; echo "recursion ends $(($? > 128))"' 2> /dev/null
n=0; for i in $(seq 200); do n=$((n + $(echo $i))); done; echo $n
jobs=(); for i in $(seq 40); do (exit $((i % 7))) & jobs+=($!); done; s=0; for job in "${jobs[@]}"; do wait $job; s=$((s + $?)); done; echo "exit statuses $s"
kill -l TERM 15; exec 9< <(sleep 0.1; echo late); cat <&9
