# SPDX-License-Identifier: MIT
import gc
import os

import pytest
import shmemq


def drain(handle):
    messages = []
    try:
        while True:
            messages.append(handle.pop(0))
    except shmemq.Empty:
        return messages


def test_a_set_tells_who_is_ready():
    pairs = []
    for _ in range(5):
        fd = shmemq.memfd(capacity=1 << 12)
        pairs.append((shmemq.Producer(fd), shmemq.Consumer(fd)))
        os.close(fd)
    with shmemq.Set() as ready:
        for _, consumer in pairs:
            ready.add(consumer)
        assert len(ready) == 5
        for handle in ready.wait():
            assert drain(handle) == []
        # A handle may be ready for no reason.
        with pytest.raises(shmemq.Empty):
            while True:
                assert not any(map(drain, ready.wait(timeout=0)))
        with pytest.raises(shmemq.TimedOut):
            while True:
                assert not any(map(drain, ready.wait(timeout=0.001)))
        pairs[3][0].push(b"x")
        got = []
        while not got:
            [handle] = ready.wait(max=1)
            got = drain(handle)
        assert (handle, got) == (pairs[3][1], [b"x"])
        ready.remove(pairs[0][1])
        pairs[1][1].close()
        assert len(ready) == 3 and ready.fileno() > 2
        with pytest.raises(shmemq.NotFound):
            ready.remove(pairs[0][1])
        with pytest.raises(shmemq.Busy):
            ready.add(pairs[2][1])
        with pytest.raises(TypeError):
            ready.add(5)
        with pytest.raises(ValueError):
            ready.add(pairs[1][1])
        with pytest.raises(shmemq.Invalid):
            ready.wait(max=0)
    with pytest.raises(ValueError):
        ready.wait()
    pairs[2][0].push(b"y")
    assert pairs[2][1].pop() == b"y"
    for pair in pairs:
        for handle in pair:
            handle.close()


def test_a_dropped_set_leaves_its_handles_open(ends):
    producer, consumer = ends
    ready = shmemq.Set()
    ready.add(consumer)
    del ready
    gc.collect()
    producer.push(b"x")
    assert consumer.pop() == b"x"
