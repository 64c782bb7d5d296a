# Runs inside the sandbox: what a Python program needs from a kernel beyond reading and writing.
import hashlib
import os
import platform
import queue
import subprocess
import sys
import tempfile
import threading
import time

print("Python", platform.python_version(), "on", platform.release(), "pid", os.getpid())

# Threads: eight workers share a queue, so futexes, wake-ups and the interpreter's lock are all at work.
tasks, results, lock = queue.Queue(), {}, threading.Lock()


def worker():
    while (item := tasks.get()) is not None:
        digest = hashlib.sha256(b"x" * item).hexdigest()
        with lock:
            results[item] = digest


threads = [threading.Thread(target=worker) for _ in range(8)]
for thread in threads:
    thread.start()
for n in range(500):
    tasks.put(n)
for _ in threads:
    tasks.put(None)
for thread in threads:
    thread.join(timeout=30)
    assert not thread.is_alive(), "a thread does not end"
assert len(results) == 500
assert results[0] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
print("threads: 8 workers, 500 tasks")

# A subprocess with both pipes, its exit status, and one that is killed by a signal.
done = subprocess.run(["sort", "-n"], input="3\n1\n2\n", capture_output=True, text=True, timeout=30)
assert (done.returncode, done.stdout) == (0, "1\n2\n3\n"), done
killed = subprocess.Popen(["sleep", "100"])
killed.terminate()
assert killed.wait(timeout=30) == -15
failed = subprocess.run([sys.executable, "-c", "raise SystemExit(42)"], timeout=60)
assert failed.returncode == 42
print("subprocess: output, signal and exit status are right")

# Files: a rename is atomic, a hole reads as zeros, time moves forward.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a")
    with open(path, "wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
    os.replace(path, path + "b")
    with open(path + "b", "rb") as file:
        assert file.read(16) == bytes(16)
    assert os.stat(path + "b").st_size == (1 << 20) + 3
    assert os.listdir(folder) == ["ab"]
before = time.monotonic()
time.sleep(0.05)
assert 0.05 <= time.monotonic() - before < 5
print("files and clocks: fine")
