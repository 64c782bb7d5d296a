# A login shell: bash -lc, profile scripts, job control words, traps, arrays, coprocesses, here documents, descriptors.
# timeout: 120
bash -lc 'echo "login shell: $(shopt -q login_shell && echo yes)"; type -t cd; echo ${BASH_VERSINFO[0]}'
bash -c 'trap "echo exit trap" EXIT; trap "echo int; exit 5" INT; kill -INT $$; echo not reached'; echo "says $?"
bash -c 'kill -TERM $$'; echo "by a signal: $?"
bash -c 'ulimit -n 64; ulimit -n; ulimit -c 0; ulimit -c'
bash -c 'coproc up { tr a-z A-Z; }; echo quiet >&"${up[1]}"; eval "exec ${up[1]}>&-"; cat <&"${up[0]}"; wait'
bash -c 'sleep 0.3 & sleep 0.1 & wait -n; echo "first: $?"; wait; echo all; (exit 6) & wait $!; echo "last: $?"'
bash -c 'set -m; sleep 30 & kill -STOP %1; sleep 0.2; jobs -s | sed "s/ \+/ /g"; kill -CONT %1; kill %1; wait %1; echo $?' 2> /dev/null
bash -c 'exec 3<> file; echo one >&3; echo two >> file; cat file; exec 3>&-; : > file; [ -s file ] || echo empty'
bash -c 'declare -A m=([a]=1 [b]=2); for k in a b; do printf "%s=%s " $k ${m[$k]}; done; a=(x "y z"); echo "${#a[@]} ${a[1]^^}"'
bash -c 'read -t 0.2 x < <(sleep 1); echo "read says $(( $? > 128 ))"'
bash -c 'f() { local n=$1; (( n < 2 )) && { echo 1; return; }; echo $(( n * $(f $((n - 1))) )); }; f 8'
bash -c 'mkfifo p; (for i in 1 2 3; do echo $i; done > p) & while read -r l; do echo "got $l"; done < p; rm p'
bash -c 'cd / && pwd && cd ~- 2> /dev/null; echo $((2 ** 40)) $(printf "%q" "a b") ${PWD##*/}' | head -1
bash -c 'printf "%s\n" "$BASHPID" | grep -qx "$$" && echo same pid; umask 027; : > u; stat -c %a u'
/nonexistent 2> /dev/null; echo "not found: $?"; /etc/passwd 2> /dev/null; echo "not executable: $?"
