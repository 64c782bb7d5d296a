# timeout: 300
# needs: setpriv /usr/lib/postgresql/*/bin/initdb /usr/lib/postgresql/*/bin/pgbench
# PostgreSQL: initdb, a server on a unix socket, pgbench with several clients, SQL through psql, notifications, a fast shutdown, recovery after kill -9 of a backend and an immediate stop.
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -n 1)
mkdir data run
# The server refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
  chown 65534:65534 data run
  chmod 711 .
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
export PGHOST=$PWD/run PGUSER=tester PGDATABASE=postgres PGCONNECT_TIMEOUT=30
data=$PWD/data
cd run
"${as[@]}" "$bin/initdb" -D "$data" -U tester -A trust -E UTF8 --locale=C --no-sync > log.initdb 2>&1 || { cat log.initdb; exit 1; }
echo initialised
cat >> "$data/postgresql.conf" <<C
listen_addresses = ''
unix_socket_directories = '$PWD'
max_connections = 20
shared_buffers = 16MB
logging_collector = off
C
start() { "${as[@]}" "$bin/pg_ctl" -D "$data" -l log.server -w -t 60 start > /dev/null || { cat log.server; exit 1; }; }
start
echo started
"${as[@]}" "$bin/pgbench" -i -s 1 -q > log.init 2>&1 || { cat log.init; exit 1; }
"${as[@]}" "$bin/pgbench" -n -c 4 -j 2 -t 100 > log.bench 2>&1 || { cat log.bench; exit 1; }
grep -E 'actually processed|failed' log.bench
"${as[@]}" "$bin/pgbench" -n -S -M prepared -c 4 -j 2 -t 200 > log.select 2>&1 || { cat log.select; exit 1; }
grep -E 'actually processed|failed' log.select
psql() { "${as[@]}" "$bin/psql" -X -A -t -q -v ON_ERROR_STOP=1 "$@"; }
psql <<'S' | sed "s/PID [0-9]*/PID N/"
select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history), count(*) from pgbench_history;
create table t (id serial primary key, body text, at timestamptz default now());
insert into t (body) select repeat(md5(i::text), 20) from generate_series(1, 5000) i;
create index on t (body);
analyze t;
select count(*), sum(length(body)), min(id), max(id) from t;
select md5(string_agg(md5(body), '' order by id)) from t;
begin; delete from t where id % 2 = 0; select count(*) from t; rollback;
select count(*) from t;
set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
select count(*) from t a join t b using (body);
listen chan; notify chan, 'payload';
vacuum full t;
checkpoint;
select pg_advisory_lock(1), pg_sleep(0.05);
S
status=0
psql -c "set statement_timeout = '100ms'; select pg_sleep(30)" 2>&1 || status=$?
echo "timeout gives $status"
# A backend that is killed takes all others down; the postmaster recovers by itself.
psql -c 'select pg_sleep(60)' > /dev/null 2>&1 & client=$!
for _ in $(seq 100); do
  victim=$(psql -c "select pid from pg_stat_activity where query = 'select pg_sleep(60)'")
  [ -n "$victim" ] && break
  sleep 0.1
done
kill -KILL "$victim"
wait $client || true
for _ in $(seq 300); do psql -c 'select 1' > /dev/null 2>&1 && break; sleep 0.1; done
psql -c 'select count(*) from t'
grep -c 'all server processes terminated; reinitializing' log.server
"${as[@]}" "$bin/pg_ctl" -D "$data" -m immediate -w stop | tail -n 1
start
psql -c 'select count(*) from t'
"${as[@]}" "$bin/pg_ctl" -D "$data" -m fast -w stop | tail -n 1
"${as[@]}" "$bin/pg_controldata" "$data" | grep 'cluster state'
