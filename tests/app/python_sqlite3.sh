# sqlite3 on a file: record locks, fsync, the write-ahead log with its shared mapping, two processes.
# timeout: 120
# needs: python3
exec /usr/bin/python3 - << 'EOF'
import sqlite3
import subprocess
import sys

base = sqlite3.connect("base.db")
base.execute("create table t (id integer primary key, name text, value real)")
with base:
    base.executemany("insert into t (name, value) values (?, ?)", ((f"name {n % 97}", n / 7) for n in range(20000)))
print(base.execute("select count(*), round(sum(value), 3) from t").fetchone())
print(base.execute("select name, count(*) from t group by name order by 2 desc, 1 limit 3").fetchall())
base.execute("create index i on t (name)")
print(base.execute("select max(id) from t where name = 'name 5'").fetchone())
print(base.execute("pragma journal_mode = wal").fetchone())
with base:
    base.execute("update t set value = 0 where id % 2 = 0")
other = "import sqlite3; b = sqlite3.connect('base.db'); print(b.execute('select count(*) from t where value = 0').fetchone()); b.execute('delete from t where id > 19990'); b.commit()"
print(subprocess.run([sys.executable, "-c", other], capture_output=True, text=True).stdout.strip())
print(base.execute("select count(*) from t").fetchone())

base.execute("pragma journal_mode = delete")
base.execute("begin immediate")
try:
    sqlite3.connect("base.db", timeout=0.1).execute("begin immediate")
except sqlite3.OperationalError as error:
    print(error)
base.rollback()
print(base.execute("pragma integrity_check").fetchone())
EOF
