#!/usr/bin/python3
"""An interactive bash on a terminal: echo, line editing, Ctrl-C, Ctrl-Z, fg, Ctrl-D, window size. Arguments: the command prefix."""
# timeout: 240
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60
PROMPT = "READY> "


class Terminal:
    """The user's end of a pseudo-terminal with a shell on the other end."""

    def __init__(self, command, rows=30, columns=100):
        self.transcript, self.unread = "", ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ.update(PS1=PROMPT, TERM="dumb", HISTFILE="/dev/null")
            os.execvp(command[0], command)

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, what, patience=PATIENCE):
        """Reads until the pattern shows; the text up to its end is taken. With a patience of its own: None when it does not show."""
        deadline = time.monotonic() + patience
        while True:
            found = re.search(pattern, self.unread)
            if found:
                self.unread = self.unread[found.end():]
                return found
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                if patience != PATIENCE:
                    return None
                self.fail(f"{what}: no {pattern!r} within {PATIENCE} s")
            try:
                data = os.read(self.fd, 4096)
            except OSError:  # EIO: the other end is closed
                data = b""
            if not data:
                self.fail(f"{what}: the terminal closed before {pattern!r}")
            text = data.decode(errors="replace").replace("\r", "")
            self.transcript += text
            self.unread += text

    def fail(self, sentence):
        print(f"interactive: {sentence}\n--- transcript\n{self.transcript}\n---", flush=True)
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(1)

    def foreground(self, program):
        """Starts a job; it has the terminal, as it said itself, when this returns. The job as the shell names it."""
        job = f"sh -c 'echo up-$((1+1)); exec {program}'"
        self.type(job + "\n")
        self.expect(r"\nup-2\n", f"start of {program}")
        return re.escape(job)

    def press(self, key, pattern, what):
        """A key at a moment that cannot be seen from outside: again, when it came too early."""
        for _ in range(PATIENCE):
            self.type(key)
            if self.expect(pattern, what, patience=1):
                return
        self.fail(f"{what}: never {pattern!r}")

    def command(self, line, pattern, what):
        self.type(line + "\n")
        found = self.expect(pattern, what)
        self.expect(PROMPT, what + ": the prompt behind it")
        return found

    def wait_for(self, probe, pattern, what):
        """Asks again and again, until the answer is as wanted: for what takes effect a little later."""
        for _ in range(20):
            self.type(probe + "\n")
            if re.search(pattern, self.expect(r"\n\[(.*)\]\n(?:.*\n)*?" + PROMPT, what).group(1)):
                return
            time.sleep(0.1)
        self.fail(f"{what}: never {pattern!r}")

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        """The exit status, -1 when there is none in time."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:  # a closing terminal must be read empty, or the other side may wait for it
                if select.select([self.fd], [], [], 0.05)[0]:
                    os.read(self.fd, 4096)
            except OSError:
                pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        return -1


def main():
    shell = Terminal(sys.argv[1:] + ["/bin/bash", "--norc", "--noprofile", "-i"])
    shell.expect(PROMPT, "first prompt")
    shell.command("echo answer-$((40+2))", r"answer-42\n", "a command")
    shell.command("tty | tr a-z A-Z", r"\n/DEV/[A-Z/0-9]+\n", "standard input is a terminal")
    shell.command("stty -a | tr -s ' ;' '\\n' | grep -cx -e isig -e icanon -e echo -e onlcr", r"\n[234]\n", "line discipline flags")
    shell.command("stty size", r"\n30 100\n", "window size")
    shell.command("[ $(ps -o pgid= $$) = $(ps -o tpgid= $$) ] && echo fore$((1))ground || echo fore$((1))ground", r"\nfore1ground\n", "ps on a terminal")

    # Ctrl-C reaches the foreground job, not the shell.
    job = shell.foreground("sleep 100")
    shell.type("\x03")
    shell.expect(PROMPT, "prompt after Ctrl-C")
    shell.command("echo status-$?", r"\nstatus-130\n", "Ctrl-C is SIGINT")

    # Ctrl-C in a half-typed line gives a new prompt. Natively too readline forgets a SIGINT that arrives between its echo and its next
    # pselect(2), until another key comes (strace --inject=write:delay_exit=30000 shows it every time). That every Ctrl-C is a
    # signal is the business of tests/syscall/tty.
    shell.type("echo never")
    shell.expect("echo never", "echo of half a line")
    shell.press("\x03", PROMPT, "prompt after Ctrl-C in a line")

    # Ctrl-Z stops the job, jobs shows it, bg and fg move it, Ctrl-C ends it.
    job = shell.foreground("sleep 100")
    shell.type("\x1a")
    shell.expect(r"Stopped", "Ctrl-Z is SIGTSTP")
    shell.expect(PROMPT, "prompt after Ctrl-Z")
    shell.command("echo status-$?", r"\nstatus-148\n", "status of a stopped job")
    shell.command("jobs", r"\n\[1\]\+\s+Stopped\s+" + job + r"\n", "jobs")
    shell.command("bg", r"\[1\]\+ " + job + r" &\n", "bg")
    shell.wait_for("echo \"[$(jobs)]\"", r"Running", "the job runs in the background")
    shell.type("fg\n")
    shell.expect(r"fg\n" + job + r"\n", "fg names the job")
    shell.press("\x03", PROMPT, "prompt after Ctrl-C on fg")
    shell.command("echo status-$?", r"\nstatus-130\n", "fg gave the terminal to the job")
    shell.wait_for("echo \"[$(jobs)]\"", r"^$", "no job is left")

    # A background job that reads from the terminal is stopped (SIGTTIN).
    shell.type("cat &\n")
    shell.expect(PROMPT, "prompt behind cat &")
    shell.wait_for("echo \"[$(jobs)]\"", r"Stopped", "SIGTTIN stops a background reader")
    shell.command("kill %1; wait %1 2> /dev/null; echo reaped-$((1))", r"reaped-1\n", "kill of a stopped job")

    # Canonical input: erase, end of file; raw input: a byte at a time without echo.
    shell.foreground("cat")
    shell.type("abX\x7fc\n")
    shell.expect(r"\nabc\n", "cat sees the edited line")
    shell.type("\x04")
    shell.expect(PROMPT, "Ctrl-D is end of file")
    shell.type("echo up-$((1+1)); read -rsn1 key; echo key-$key\n")
    shell.expect(r"\nup-2\n", "start of read")
    shell.type("q")
    shell.expect(r"key-q\n", "a single byte without a newline")
    shell.expect(PROMPT, "prompt")

    # The window changes: the size and SIGWINCH arrive.
    shell.command("trap 'echo winch-$((2+3))' WINCH", r"WINCH\n", "trap")
    shell.resize(41, 132)
    shell.wait_for("echo \"[$(stty size)]\"", r"^41 132$", "new window size")
    if "winch-5" not in shell.transcript:
        shell.command("true", r"winch-5\n", "SIGWINCH")

    # Flow control and a large output: nothing is lost.
    shell.command("seq 1 3000 | tail -1", r"\n3000\n", "pipeline")
    shell.type("seq 1 3000\n")
    shell.expect(r"\n2999\n3000\n", "large output")
    shell.expect(PROMPT, "prompt")

    shell.type("exit 7\n")
    status = shell.end()
    if status != 7:
        shell.fail(f"exit status {status}, want 7")
    print("interactive: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
