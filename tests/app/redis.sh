# redis-server and redis-benchmark over loopback: an event loop, pipelining, many connections.
# timeout: 180
# needs: redis-server redis-benchmark redis-cli
set -e
redis-server --port 0 --unixsocket "$PWD/redis.sock" --save "" --daemonize no >/dev/null 2>&1 &
probe=$!
kill -0 $probe
kill $probe
wait $probe || true
port=$((20000 + RANDOM % 10000))
redis-server --bind 127.0.0.1 --port $port --save "" --appendonly no >/dev/null 2>&1 &
server=$!
for _ in $(seq 100); do redis-cli -p $port ping >/dev/null 2>&1 && break; sleep 0.1; done
redis-cli -p $port ping
redis-cli -p $port set key value
redis-cli -p $port get key
for test in set get lpush; do
  redis-benchmark -p $port -t $test -n 2000 -c 20 -P 4 -q >/dev/null && echo "$test done"
done
redis-cli -p $port shutdown nosave || true
wait $server && echo ended
