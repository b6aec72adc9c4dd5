# SPDX-License-Identifier: MIT
"""What the tests start in other processes, which need not import what the tests do."""
import os
import signal


def push(queue, back):
    queue.push(b"from the child", os.getpid())
    back.send(type(queue).__name__)
    queue.close()


def produce(q, first, count):
    for i in range(first, first + count):
        q.put({"number": i})


def consume(q, back):
    total = 0
    for item in iter(q.get, None):
        total += item["number"]
    back.put(total)


def take_and_hang(q, ready):
    q.get()
    ready.put(os.getpid())
    q.get()


def read(handle, rank, back):
    from shmemq.broadcast import Broadcast
    channel = Broadcast.create_from_handle(handle, rank)
    channel.wait_until_ready()
    array = channel.dequeue()["array"]
    with channel.acquire_read() as memory:
        back.put((rank, int(array.sum()), bytes(memory)))
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    assert channel.broadcast_object() == "end"
    channel.close()
