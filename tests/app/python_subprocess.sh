# Python's subprocess and multiprocessing: pipes, statuses, signals, process groups, descriptors that must not leak.
# timeout: 180
# needs: python3
cat > program.py << 'EOF'
import multiprocessing
import os
import signal
import subprocess
import sys
import time


def square(n):
    return n * n


if __name__ == "__main__":
    print(subprocess.run(["tr", "a-z", "A-Z"], input="shout", capture_output=True, text=True).stdout)
    print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True, text=True))
    print(subprocess.run("yes | head -100000 | wc -c", shell=True, capture_output=True, text=True).stdout.strip())
    try:
        subprocess.run(["sleep", "30"], timeout=0.2)
    except subprocess.TimeoutExpired as error:
        print("timeout", error.cmd)
    child = subprocess.Popen(["sleep", "30"], start_new_session=True)
    os.killpg(child.pid, signal.SIGKILL)
    print("killed", child.wait())
    try:
        subprocess.run(["/nonexistent/program"])
    except FileNotFoundError as error:
        print("not found", error.errno)
    read, write = os.pipe()
    os.set_inheritable(write, True)
    inherited = subprocess.Popen(["sh", "-c", f"echo through {'fd'} >&{write}"], pass_fds=[write])
    os.close(write)
    print(os.read(read, 100), inherited.wait())
    listing = subprocess.run([sys.executable, "-c", "import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:3])"], capture_output=True, text=True)
    print(listing.stdout.strip())
    big = os.urandom(1 << 20)
    print(subprocess.run(["cat"], input=big, capture_output=True).stdout == big)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        print(pool.map(square, range(20)))
    parent, other = multiprocessing.Pipe()
    p = multiprocessing.get_context("fork").Process(target=lambda: other.send({"pid is mine": os.getpid() != os.getppid()}))
    p.start()
    print(parent.recv())
    p.join()
    print(p.exitcode)
    pids = [subprocess.Popen(["true"]) for _ in range(50)]
    print(sum(p.wait() == 0 for p in pids))
EOF
exec /usr/bin/python3 program.py
