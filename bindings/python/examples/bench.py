#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Messages a second, and round trips, beside what multiprocessing has, in one run: bench.py [SECONDS-PER-FIGURE]

Each figure is the best of three, and the ways take turns, so that a busy machine is unfair to none of them. No queue
holds more than a twentieth of the messages: otherwise what is measured is how fast a full queue is emptied.
"""
from __future__ import annotations

import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import shmemq
from shmemq.mpqueue import Queue

context = multiprocessing.get_context("fork")
SIZES = {64: "64 B", 4096: "4 KiB", 1 << 20: "1 MiB"}
LAPS = 20


class Way:
    """Two ends, one of which is opened on each side of a fork. receive() returns how many messages it got."""

    def __init__(self, most: int = 1000) -> None:
        self.fd = shmemq.memfd(capacity=8 << 20, messages_max=most)

    def sender(self) -> Callable[[bytes], Any]:
        self.producer = shmemq.Producer(self.fd)
        return self.producer.push

    def receiver(self) -> Callable[[], Any]:
        self.consumer = shmemq.Consumer(self.fd)
        return self.consumer.pop


class InPlace(Way):
    """Read where it lies: what a program does that parses or sums up what it gets."""

    def receiver(self) -> Callable[[], Any]:
        def receive() -> int:
            with self.consumer.pop_view() as view:
                return len(view)
        super().receiver()
        return receive


class Objects(Way):
    def __init__(self, most: int = 1000) -> None:
        self.queue: Any = Queue(most)

    def sender(self) -> Callable[[bytes], Any]:
        put: Callable[[bytes], Any] = self.queue.put
        return put

    def receiver(self) -> Callable[[], Any]:
        get: Callable[[], Any] = self.queue.get
        return get


class OldQueue(Objects):
    def __init__(self, most: int = 1000) -> None:
        self.queue = context.Queue(most)


class Pipe(Way):
    def __init__(self, most: int = 1000) -> None:
        self.reader, self.writer = context.Pipe(False)  # of 64 KiB

    def sender(self) -> Callable[[bytes], Any]:
        return self.writer.send_bytes

    def receiver(self) -> Callable[[], Any]:
        return self.reader.recv_bytes


WAYS: dict[str, type[Way]] = {
    "shmemq": Way, "shmemq, pop_view": InPlace, "shmemq.mpqueue.Queue": Objects, "multiprocessing.Queue": OldQueue,
    "multiprocessing.Pipe": Pipe}


def child(function: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return pid


def rate(way: Way, size: int, count: int) -> float:
    message = os.urandom(size)
    back = context.Pipe(False)

    def send() -> None:
        push = way.sender()
        back[0].recv_bytes()
        for _ in range(count):
            push(message)
        # What a feeder thread has not sent yet.
        if isinstance(way, OldQueue):
            way.queue.close()
            way.queue.join_thread()
        time.sleep(1)
    pid = child(send)
    pop = way.receiver()
    back[1].send_bytes(b"go")
    pop()
    start = time.perf_counter()
    for _ in range(count - 1):
        pop()
    seconds = time.perf_counter() - start
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return (count - 1) / seconds


def round_trip(there: Way, back: Way, count: int) -> float:
    def answer() -> None:
        pop, push = there.receiver(), back.sender()
        for _ in range(count):
            push(pop())
        time.sleep(1)
    pid = child(answer)
    push, pop = there.sender(), back.receiver()
    message = bytes(64)
    push(message)
    pop()
    start = time.perf_counter()
    for _ in range(count - 1):
        push(message)
        pop()
    seconds = time.perf_counter() - start
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return seconds / (count - 1) * 1e6


def idle(way: Way, seconds: float) -> float:
    """Milliseconds of CPU that a second of waiting takes."""
    result = context.Pipe(False)

    def wait() -> None:
        pop = way.receiver()
        start = time.process_time()
        pop()
        result[1].send((time.process_time() - start) * 1000 / seconds)
    pid = child(wait)
    push = way.sender()
    time.sleep(seconds)
    push(b"")
    used: float = result[0].recv()
    os.waitpid(pid, 0)
    return used


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"{'':22}" + "".join(f"{name + '/s':>12}" for name in SIZES.values()) + f"{'round trip':>14}{'idle':>10}")
    best: dict[tuple[str, int], float] = {}
    for _ in range(3):
        for size in SIZES:
            for name, way in WAYS.items():
                count = max(200, int(seconds * min(200000, 2e9 / size)))
                most = min(1000, count // LAPS)
                best[name, size] = max(best.get((name, size), 0), rate(way(most), size, count))
        for name, way in WAYS.items():
            if way is not InPlace:
                trip = round_trip(way(), way(), int(seconds * 20000))
                best[name, 0] = min(best.get((name, 0), 1e9), trip)
    for name, way in WAYS.items():
        print(f"{name:22}" + "".join(f"{best[name, size]:12,.0f}" for size in SIZES) +
              (f"{best[name, 0]:11.1f} us" if (name, 0) in best else f"{'':14}") + f"{idle(way(), 2):7.2f} ms")


if __name__ == "__main__":
    main()
