# Python threads: locks, conditions, queues, pools; every wait has an end.
# timeout: 120
# needs: python3
exec /usr/bin/python3 - << 'EOF'
import concurrent.futures
import queue
import threading
import time

counter, lock = 0, threading.Lock()


def add():
    global counter
    for _ in range(2000):
        with lock:
            counter += 1


threads = [threading.Thread(target=add) for _ in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
print(counter)

box, done = queue.Queue(maxsize=3), []


def consume():
    while (item := box.get()) is not None:
        done.append(item)


consumer = threading.Thread(target=consume)
consumer.start()
for n in range(1000):
    box.put(n)
box.put(None)
consumer.join()
print(done == list(range(1000)))

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(lambda n: n * n, range(500))))

barrier, order = threading.Barrier(5), []
waiters = [threading.Thread(target=lambda: (barrier.wait(timeout=30), order.append(1))) for _ in range(5)]
[t.start() for t in waiters]
[t.join() for t in waiters]
print(len(order))

event = threading.Event()
threading.Timer(0.05, event.set).start()
print(event.wait(timeout=30), threading.Event().wait(timeout=0.05))
local = threading.local()
local.x = 1
seen = []
t = threading.Thread(target=lambda: seen.append(hasattr(local, "x")))
t.start(); t.join()
print(seen)
EOF
