# SPDX-License-Identifier: MIT
"""Broadcast: one writer, up to 64 readers that each get every message; the shape of vLLM's MessageQueue.

    writer                                       reader, in another process
    channel = Broadcast(readers=4)
    send(channel.export_handle())                channel = Broadcast.create_from_handle(receive(), rank)
    channel.wait_until_ready()                   channel.wait_until_ready()
    channel.enqueue(obj)                         obj = channel.dequeue()
    with channel.acquire_write(size) as memory:  with channel.acquire_read() as memory:
        fill(memory)                                 use(memory)

A handle is a name, so any way to send it will do. A reader that has died no longer holds the writer up; one that is
slow does. A message may be as large as `memory` allows, and takes only the space that it needs.
"""
from __future__ import annotations

import pickle
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import _shmemq


class Broadcast:
    def __init__(self, readers: int, *, memory: int = 1 << 26) -> None:
        self.readers = readers
        self.name = f"/shmemq-{secrets.token_hex(8)}"
        self._writer: _shmemq.Producer | None = _shmemq.Producer(
            self.name, create=True, exclusive=True, broadcast=True, temporary=True, capacity=memory)
        self._reader: _shmemq.Consumer | None = None

    def export_handle(self) -> str:
        return self.name

    @classmethod
    def create_from_handle(cls, handle: str, rank: int = 0) -> Broadcast:
        """Messages that are enqueued from now on come to this reader."""
        self = cls.__new__(cls)
        self.readers, self.name, self._writer = 0, handle, None
        self._reader = _shmemq.Consumer(handle)
        return self

    def wait_until_ready(self, timeout: float | None = None) -> None:
        """The writer waits until all readers have come. A reader is ready."""
        end = None if timeout is None else time.monotonic() + timeout
        while self._writer is not None and self._writer.stat().consumers < self.readers:
            if end is not None and time.monotonic() > end:
                raise TimeoutError("not all readers have come")
            time.sleep(0.001)

    def enqueue(self, obj: Any, timeout: float | None = None) -> None:
        """Arrays that support it (numpy's, for one) are copied once, from where they are."""
        buffers: list[pickle.PickleBuffer] = []
        data = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
        parts = [data, *(buffer.raw() for buffer in buffers)]
        sizes = b"".join(len(part).to_bytes(8, "little") for part in parts)
        self._the_writer().pushv([sizes, *parts], len(parts), timeout)

    def dequeue(self, timeout: float | None = None) -> Any:
        with self._the_reader().pop_view(timeout) as view:
            with view.data[:8 * view.type] as head:
                sizes = [int.from_bytes(head[at:at + 8], "little") for at in range(0, len(head), 8)]
            parts, at = [], 8 * view.type
            for size in sizes:
                parts.append(bytearray(view.data[at:at + size]))
                at += size
        return pickle.loads(parts[0], buffers=parts[1:])

    def broadcast_object(self, obj: Any = None) -> Any:
        """The writer's object, in all processes."""
        if self._writer is None:
            return self.dequeue()
        self.enqueue(obj)
        return obj

    @contextmanager
    def acquire_write(self, size: int, timeout: float | None = None) -> Iterator[memoryview]:
        """Memory of `size` bytes, which is sent when the block ends. An exception sends nothing."""
        with self._the_writer().push_view(size, 0, timeout) as view:
            yield view.data

    @contextmanager
    def acquire_read(self, timeout: float | None = None) -> Iterator[memoryview]:
        """The next message where it lies. Nothing may refer to the memory after the block."""
        with self._the_reader().pop_view(timeout) as view:
            yield view.data

    def close(self) -> None:
        for handle in self._writer, self._reader:
            if handle is not None:
                handle.close()

    def _the_writer(self) -> _shmemq.Producer:
        if self._writer is None:
            raise TypeError("a reader does not write")
        return self._writer

    def _the_reader(self) -> _shmemq.Consumer:
        if self._reader is None:
            raise TypeError("the writer does not read")
        return self._reader
