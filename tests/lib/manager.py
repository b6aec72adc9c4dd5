# SPDX-License-Identifier: MIT
# Plays the service manager for examples/systemd/service: keeps what a service stores, kills the services again and
# again, and starts them with what was kept. manager.py SERVICE DIRECTORY SEED
import array
import atexit
import os
import random
import select
import signal
import socket
import struct
import sys
import time

service, directory, seed = sys.argv[1:]
random.seed(int(seed))
COUNT, KILLS, PATIENCE = 200, 16, 50  # seconds, in which something must happen
path, output = directory + "/socket", directory + "/out"
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
notify.bind(directory + "/notify")
arguments = {"producer": ["producer", path, str(COUNT)], "consumer": ["consumer", path]}
stored, pids, status, started_with = {}, {}, {}, {"producer": [], "consumer": []}
ready = set()


def start(unit):
    started_with[unit].append(unit in stored)
    ready.discard(unit)
    pids[unit] = os.fork()
    if pids[unit] == 0:
        environment = dict(os.environ, NOTIFY_SOCKET=directory + "/notify")
        if unit in stored:
            os.dup2(os.dup(stored[unit]), 3)  # inheritable
            environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="queue")
        if unit == "consumer":
            os.dup2(os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 1)
        os.execve(service, ["service"] + arguments[unit], environment)


def hear():
    """Takes one message, of a service that may have ended since."""
    data, ancillary, _, _ = notify.recvmsg(4096, 4096)
    fds, pid = array.array("i"), 0
    for _, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            fds.frombytes(content)
        elif kind == socket.SCM_CREDENTIALS:
            pid = struct.unpack("3i", content)[0]
    unit = next((u for u in pids if pids[u] == pid), None)
    lines = data.decode().split("\n")
    if "FDSTORE=1" in lines and unit:
        assert "FDNAME=queue" in lines and len(fds) == 1, lines
        assert unit not in stored, unit + " has made or asked for a queue although it was given one"
        stored[unit] = fds[0]
    if "READY=1" in lines and unit:
        ready.add(unit)


def pause(seconds):
    until = time.monotonic() + seconds
    while select.select([notify], [], [], max(0, until - time.monotonic()))[0]:
        hear()


def reap():
    pid, code = os.waitpid(-1, os.WNOHANG)
    if pid:
        unit = next(u for u in pids if pids[u] == pid)
        status[unit] = code
        assert code in (0, signal.SIGKILL), "%s: status %d" % (unit, code)
        if code:
            start(unit)
    return pid


def end_all():
    for unit in running():
        try:
            os.kill(pids[unit], signal.SIGKILL)
        except ProcessLookupError:
            pass


manager = os.getpid()
atexit.register(lambda: os.getpid() == manager and end_all())
start("consumer")  # it waits for the other one
start("producer")
kills, deadline = 0, time.monotonic() + PATIENCE


def running():
    return [unit for unit in pids if status.get(unit) != 0]


def reap_all():
    assert time.monotonic() < deadline, "no progress: %s, ready: %s" % (status, ready)
    try:
        while reap():
            pass
    except ChildProcessError:
        pass


while running():
    pause(random.uniform(0.01, 0.2) if kills < KILLS else 0.05)
    if kills < KILLS:
        unit = random.choice(running())
        # Half of them at any moment, half when it has its queue.
        while kills % 2 and unit in running() and unit not in ready:
            pause(0.01)
            reap_all()
        if unit in running():
            os.kill(pids[unit], signal.SIGKILL)
            kills += 1
            deadline = time.monotonic() + PATIENCE
            time.sleep(random.choice([0, 0.02]))
    reap_all()

last = 0
for line in open(output):
    number, *again = line.split()
    assert int(number) == last + 1 or (again and int(number) == last), "%s after %d" % (line, last)
    last = int(number)
assert last == COUNT, last
assert all(any(kept) for kept in started_with.values()), "no service was started with a queue: %s" % started_with
print("%d numbers, services killed %d times" % (last, kills))
