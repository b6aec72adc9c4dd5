# SPDX-License-Identifier: MIT
"""Runs a command on a terminal of its own, as top.sh says step by step, and keeps what the terminal would show.

Usage: terminal.py COLUMNSxROWS STEP... -- COMMAND...
Steps: wait=REGEX (until the screen matches), key=BYTES, size=COLUMNSxROWS, signal=NAME, show (print the screen),
touch=FILE, raw (keys do not echo), cooked (they do), end=STATUS (that ends it; negative: a signal).
A step that fails, or takes longer than a minute, ends the script, and so does a character outside of the screen.
"""

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

MINUTE = 60 * int(os.environ.get("CK_TIMEOUT_MULTIPLIER") or 1)
SEQUENCE = re.compile(r"\x1b\[([?>=]?)([0-9;]*)([@-~])|\x1b[()].|\x1b[^\[()]|[\x00-\x1f]")
UNFINISHED = re.compile(r"\x1b(\[[?>=]?[0-9;]*|[()]?)$")


class Screen:
    """What the entry "linux" of terminfo uses."""

    def __init__(self, columns, rows):
        self.x = self.y = 0
        self.rest = ""
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def put(self, text):
        for c in text:
            if self.x >= self.columns or self.y >= self.rows:
                sys.exit(f"{c!r} is outside of the screen, at {self.x}, {self.y}\n{self.text()}")
            self.cells[self.y][self.x] = c
            self.x += 1

    def blank(self, first, last):
        for i in range(first, last):
            self.cells[i // self.columns][i % self.columns] = " "

    def obey(self, numbers, final):
        n = [int(i) if i else 0 for i in numbers.split(";")]
        here, line = self.y * self.columns + min(self.x, self.columns - 1), self.y * self.columns
        if final == "H":
            self.y, self.x = max(n[0], 1) - 1, max(n[1] if len(n) > 1 else 1, 1) - 1
        elif final == "J":
            self.blank(here if n[0] == 0 else 0, self.rows * self.columns)
        elif final == "K":
            self.blank(line if n[0] == 1 else here, line + self.columns if n[0] == 0 else here + 1)
        elif final in "ABCD":
            by = max(n[0], 1)
            self.y += {"A": -by, "B": by}.get(final, 0)
            self.x += {"C": by, "D": -by}.get(final, 0)
        elif final == "G":
            self.x = max(n[0], 1) - 1
        elif final == "d":
            self.y = max(n[0], 1) - 1
        elif final == "X":
            self.blank(here, here + max(n[0], 1))
        elif final in "@P":
            row, by = self.cells[self.y], max(n[0], 1)
            after = row[self.x :] if final == "@" else row[self.x + by :]
            inserted = [" "] * (by if final == "@" else 0)
            self.cells[self.y] = (row[: self.x] + inserted + after + [" "] * by)[: self.columns]

    def feed(self, data):
        data = self.rest + data
        unfinished = UNFINISHED.search(data)
        self.rest = unfinished.group() if unfinished else ""
        data = data[: len(data) - len(self.rest)]
        at = 0
        for found in SEQUENCE.finditer(data):
            self.put(data[at : found.start()])
            at = found.end()
            if found.group(3) and not found.group(1):
                self.obey(found.group(2), found.group(3))
            self.x = {"\r": 0, "\b": max(self.x - 1, 0), "\t": self.x // 8 * 8 + 8}.get(found.group(), self.x)
            # On the last row of the screen it would scroll: at the end, for the shell's next line.
            self.y = min(self.y + (found.group() == "\n"), self.rows - 1)
        self.put(data[at:])


class Session:
    def __init__(self, size, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.set_size(0, size)
            os.environ["TERM"] = os.environ.get("TEST_TERM", "linux")
            os.execvp(command[0], command)
        self.screen = Screen(*size)

    @staticmethod
    def set_size(fd, size):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def read(self):
        """False: the command has ended, and the terminal with it."""
        if select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.screen.feed(os.read(self.fd, 65536).decode(errors="replace"))
            except OSError:
                return False
        return True

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def until(self, what, reached):
        due = time.monotonic() + MINUTE
        while not reached():
            # The last thing that a process does may be what is waited for.
            if (not self.read() and not reached()) or time.monotonic() > due:
                sys.exit(f"no {what}; the screen:\n{self.screen.text()}")

    def step(self, what, value):
        if what == "wait":
            self.until(value, lambda: re.search(value, self.screen.text(), re.M))
        elif what == "key":
            os.write(self.fd, value.encode().decode("unicode_escape").encode("latin-1"))
        elif what == "size":
            size = [int(i) for i in value.split("x")]
            self.screen.resize(*size)
            self.set_size(self.fd, size)
        elif what == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + value))
        elif what == "touch":
            with open(value, "w"):
                pass
        elif what == "show":
            print(self.screen.text())
        elif what in ("raw", "cooked"):
            self.until(what, lambda: self.echoes() == (what == "cooked"))
        elif what == "end":
            while self.read():
                pass
            status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            if status != int(value):
                sys.exit(f"status {status}, not {value}; the screen:\n{self.screen.text()}")
        else:
            sys.exit(f"unknown step {what}")


def main():
    signal.alarm(3 * MINUTE)
    end = sys.argv.index("--")
    session = Session([int(i) for i in sys.argv[1].split("x")], sys.argv[end + 1 :])
    for step in sys.argv[2:end]:
        session.step(*(step.partition("=")[::2]))


main()
