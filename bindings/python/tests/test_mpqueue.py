# SPDX-License-Identifier: MIT
import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time

import numpy
import pytest
import workers
from conftest import until
from shmemq.broadcast import Broadcast
from shmemq.mpqueue import Queue


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_many_producers_and_consumers(method):
    context = multiprocessing.get_context(method)
    q, back = Queue(100), Queue()
    producers = [context.Process(target=workers.produce, args=(q, i * 1000, 1000)) for i in range(2)]
    consumers = [context.Process(target=workers.consume, args=(q, back)) for _ in range(2)]
    for process in producers + consumers:
        process.start()
    for process in producers:
        process.join()
    q.put(None)
    q.put(None)
    assert back.get() + back.get() == 2000 * 1999 // 2
    for process in consumers:
        process.join()
    q.close()
    back.close()


def test_the_methods():
    q = Queue(2)
    assert q.empty() and not q.full() and q.qsize() == 0
    with pytest.raises(queue.Empty):
        q.get_nowait()
    with pytest.raises(queue.Empty):
        q.get(timeout=0.001)
    q.put("a")
    q.put_nowait(["b"])
    assert q.full() and q.qsize() == 2
    with pytest.raises(queue.Full):
        q.put_nowait("c")
    with pytest.raises(queue.Full):
        q.put("c", timeout=0.001)
    assert (q.get(), q.get(True, 1)) == ("a", ["b"])
    q.put(b"x" * 50_000_000)
    assert len(q.get()) == 50_000_000
    with pytest.raises(RuntimeError):
        import pickle
        pickle.dumps(q)
    q.close()
    q.join_thread()
    with pytest.raises(ValueError):
        q.put("c")
    q.close()


class Nested:
    """When it is unpickled, it gets the next object."""

    q: Queue
    inner: object

    def __init__(self, content):
        self.content = content

    def __setstate__(self, state):
        self.__dict__ = state
        Nested.inner = Nested.q.get()


def test_large_objects():
    q = Queue()
    objects = [numpy.arange(n) for n in (10, 8190, 8192, 9000, 5, 1_000_000, 20_000, 3_000_000, 8192)]
    objects += [bytearray(b"y" * 100_000), [b"z" * 70_000] * 3, list(range(200_000))]
    objects.append({i: "t" * 70_000 for i in range(40)})
    for _ in range(2):
        for value in objects:
            q.put(value)
        for value in objects:
            got = q.get()
            assert type(got) is type(value) and numpy.all(got == value)
    # What has been got is not in the memory that the next object comes to.
    for value in objects[5], objects[7]:
        q.put(value)
    first, second = q.get(), q.get()
    assert numpy.array_equal(first, objects[5]) and numpy.array_equal(second, objects[7])
    Nested.q = q
    q.put(Nested(b"1" * 200_000))
    q.put(b"\0" * 300_000)
    assert q.get().content == b"1" * 200_000 and Nested.inner == b"\0" * 300_000
    with pytest.raises(queue.Empty):
        q.get_nowait()
    q.close()


class Sizeless:
    def __sizeof__(self):
        raise RuntimeError


def test_object_without_a_size():
    q = Queue()
    q.put(Sizeless())
    assert type(q.get()) is Sizeless
    q.close()


def test_bytearray_that_grows_meanwhile():
    q, data = Queue(), bytearray(b"y" * 100_000)
    q.put(None)
    q.get()
    with q._in.lock:  # put() waits for it, after it has pickled what is put
        thread = threading.Thread(target=q.put, args=(data,))
        thread.start()
        with contextlib.suppress(BufferError):  # when it is a part of what is put
            for _ in range(100):
                data.append(0)
                time.sleep(0.01)
    thread.join()
    assert q.get() == data
    q.close()


def test_threads():
    q, got = Queue(3), []
    threads = [threading.Thread(target=lambda: [got.append(q.get()) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(2000):
        q.put(i)
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(2000))
    q.close()


def test_a_consumer_that_is_killed_blocks_nobody():
    q, ready = Queue(), Queue()
    process = multiprocessing.get_context("fork").Process(target=workers.take_and_hang, args=(q, ready))
    process.start()
    q.put(1)
    os.kill(ready.get(), signal.SIGKILL)
    process.join()
    q.put(2)
    assert q.get() == 2
    q.close()
    ready.close()


def test_a_broadcast():
    context = multiprocessing.get_context("fork")
    channel, back = Broadcast(3, memory=1 << 20), Queue()
    processes = [context.Process(target=workers.read, args=(channel.export_handle(), rank, back)) for rank in range(3)]
    for process in processes:
        process.start()
    channel.wait_until_ready()
    array = numpy.arange(1000)
    channel.enqueue({"array": array})
    with channel.acquire_write(5) as memory:
        memory[:] = b"12345"
    assert sorted(back.get() for _ in range(3)) == [(rank, array.sum(), b"12345") for rank in range(3)]
    until(lambda: processes[1].exitcode is not None)
    channel.broadcast_object("end")
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, -signal.SIGKILL, 0]
    with pytest.raises(TypeError):
        channel.dequeue()
    channel.close()
    back.close()
    assert not os.path.exists("/dev/shm" + channel.name)
