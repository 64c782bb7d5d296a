# timeout: 60
# needs: bwrap unshare nsenter
# Sandboxes in the sandbox: bubblewrap with all namespaces, unshare(1) as root of its own, nsenter(1).
set -e
bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev true
bwrap --unshare-all --ro-bind / / --tmpfs /tmp --proc /proc --dev /dev --uid 1000 --gid 1000 --hostname box sh -c '
  set -e
  test "$(id -u) $(id -g) $(hostname)" = "1000 1000 box"
  test "$(sed -n "s/^NSpid:[[:space:]]*//p" /proc/self/status | wc -w)" = 1
  touch /tmp/mine
  echo x > /dev/null
  ! touch /usr/file 2> /dev/null
  test ! -e /proc/300'
unshare -Urmpf --mount-proc sh -c '
  set -e
  test "$$ $(id -u)" = "1 0"
  test "$(ls /proc | grep -c "^[0-9]")" -le 4
  mount -t tmpfs -o size=1m none /mnt
  echo text > /mnt/file
  mkdir /mnt/bound && mount --bind /mnt /mnt/bound
  test "$(cat /mnt/bound/file)" = text
  mount -o remount,bind,ro /mnt/bound
  ! touch /mnt/bound/file 2> /dev/null
  umount /mnt/bound'
unshare -f -p --kill-child --mount-proc sleep 20 &
unsharer=$!
for _ in $(seq 50); do
  inner=$(pgrep -P $unsharer -x sleep || true)
  test -n "$inner" && break
  sleep 0.1
done
test "$(nsenter -t "$inner" -m -p sh -c 'cat /proc/1/comm')" = sleep
kill -KILL "$inner"
wait $unsharer || true
unshare -u sh -c 'hostname other; test "$(uname -n)" = other'
test "$(uname -n)" != other
echo done
