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
COUNT, KILLS = 200, 16
path, output = directory + "/socket", directory + "/out"
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
notify.bind(directory + "/notify")
arguments = {"producer": ["producer", path, str(COUNT)], "consumer": ["consumer", path]}
stored, pids, status, started_with = {}, {}, {}, {"producer": [], "consumer": []}


def start(unit):
    started_with[unit].append(unit in stored)
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
    for unit in pids:
        if status.get(unit) != 0:
            os.kill(pids[unit], signal.SIGKILL)


manager = os.getpid()
atexit.register(lambda: os.getpid() == manager and end_all())
start("consumer")  # it waits for the other one
start("producer")
kills, deadline = 0, time.monotonic() + 50
while status.get("producer") != 0 or status.get("consumer") != 0:
    assert time.monotonic() < deadline, "they have not ended: %s" % status
    pause(random.uniform(0.01, 0.2) if kills < KILLS else 0.05)
    unit = random.choice(["producer", "consumer"])
    if kills < KILLS and status.get(unit) != 0:
        os.kill(pids[unit], signal.SIGKILL)
        kills += 1
        time.sleep(random.choice([0, 0.02]))
    while True:
        try:
            if not reap():
                break
        except ChildProcessError:
            break

last = 0
for line in open(output):
    number, *again = line.split()
    assert int(number) == last + 1 or (again and int(number) == last), "%s after %d" % (line, last)
    last = int(number)
assert last == COUNT, last
assert all(any(kept) for kept in started_with.values()), "no service was started with a queue: %s" % started_with
print("%d numbers, services killed %d times" % (last, kills))
