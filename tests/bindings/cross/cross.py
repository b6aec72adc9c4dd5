# SPDX-License-Identifier: MIT
"""cross.c in Python."""
import os
import signal
import sys

import shmemq

MASK = (1 << 64) - 1


def following(word: int) -> int:
    return (word * 6364136223846793005 + 1442695040888963407) & MASK


def make(seed: int, n: int) -> bytes:
    word = following(following((seed * 0x9E3779B97F4A7C15 + n) & MASK))
    size = (word >> 40) % (160 if word >> 56 else 6000)
    words = []
    for _ in range((size + 7) // 8):
        word = following(word)
        words.append(word.to_bytes(8, "little"))
    return b"".join(words)[:size]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def produce(q: shmemq.Producer, seed: int, count: int, stop: int) -> None:
    for n in range(q.stat().producer_mark, count):
        data = make(seed, n)
        q.mark(n + 1)
        if n % 2 == 0 and n != stop:
            q.push(data, n)
            continue
        with q.push_view(len(data), n) as view:
            view.data[:] = data
            if n == stop:
                die()


def consume(q: shmemq.Consumer, seed: int, count: int, stop: int, broadcast: bool) -> None:
    os.write(1, b"open\n")
    for n in range(q.stat().consumer_mark, count):
        with q.pop_view() as view:
            if view.type != n or view.data != make(seed, n):
                sys.exit(f"cross.py: message {n}: got {view.type} of {len(view)} bytes")
            os.write(1, b"%d R\n" % n if view.redelivered else b"%d\n" % n)
            if n == stop:
                die()
            if not broadcast:
                q.mark(n + 1)


def main(role: str, kind: str, *args: str) -> None:
    if role == "start":
        os.dup2(shmemq.memfd(capacity=65536), 0)
        os.execvp(kind, [kind, *args])
    name: str | int = int(args[0]) if kind == "memfd" else args[0]
    seed, count, stop = int(args[1]), int(args[2]), int(args[3]) if len(args) > 3 else -1
    create = kind != "memfd"
    broadcast = kind == "broadcast"
    capacity = 65536 if create else 0
    if role == "producer":
        with shmemq.Producer(name, create=create, stay=True, capacity=capacity, broadcast=broadcast) as producer:
            produce(producer, seed, count, stop)
    else:
        with shmemq.Consumer(name, create=create, stay=True, capacity=capacity, broadcast=broadcast) as consumer:
            consume(consumer, seed, count, stop, broadcast)


main(*sys.argv[1:])
