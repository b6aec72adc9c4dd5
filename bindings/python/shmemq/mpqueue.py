# SPDX-License-Identifier: MIT
"""Queue: the methods of multiprocessing.Queue on a queue in shared memory.

Any number of processes and threads put and get Python objects. It can be an argument of a process that multiprocessing
starts, by fork, spawn or forkserver, and is inherited by a fork.

Other than in multiprocessing: put() writes to the queue itself, there is no feeder thread, so what has been put is
there; a process that is killed, whenever that is, neither blocks the others nor loses what it had put; and close() only
ends the use of the queue in this process.
"""
from __future__ import annotations

import os
import pickle
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from . import _shmemq
from ._errors import Empty, Full, TimedOut, TooLarge

H = TypeVar("H", bound=_shmemq.Handle)

LARGE = 1 << 16  # bytes: so large an object pickle does not copy into what it writes
KEPT_MAX = 1 << 24  # bytes of memory that are kept for the next object
PARTS_MAX = 16  # parts that are pushed as they are; more of them are small ones


class _End(Generic[H]):
    """A process's handle of one end, opened when it is first needed. Its threads take turns."""

    def __init__(self, cls: type[H], fd: int) -> None:
        self.cls, self.fd = cls, fd
        self.pid, self.lock = os.getpid(), threading.Lock()
        self.handle: H | None = None
        self.buffer: bytearray | None = None  # what the last large object lay in

    def take(self, timeout: float | None) -> H | None:
        """Returns the handle, to be given back with lock.release(); None: the time was up."""
        if self.pid != os.getpid():  # a forked child: the parent's handle is of no use, its lock may be taken
            self.__init__(self.cls, self.fd)  # type: ignore[misc]
        if not self.lock.acquire(timeout=-1 if timeout is None else timeout):
            return None
        if self.handle is None:
            try:
                # A queue without peers is waited for, as multiprocessing does.
                self.handle = self.cls(self.fd, shared=True, stay=True)
            except BaseException:
                self.lock.release()
                raise
        return self.handle

    def close(self) -> None:
        if self.handle is not None and self.pid == os.getpid():
            self.handle.close()


class Queue:
    """maxsize: how many objects it may hold; 0: as many as fit into `memory` bytes, which also limit an object."""

    def __init__(self, maxsize: int = 0, *, memory: int = 1 << 28, ctx: Any = None) -> None:
        fd = _shmemq.memfd(capacity=min(memory, 1 << 22), capacity_max=memory, messages_max=max(maxsize, 0))
        self._use(fd)

    def _use(self, fd: int) -> None:
        self._fd = fd
        self._closed = False
        self._in = _End(_shmemq.Producer, fd)
        self._out = _End(_shmemq.Consumer, fd)
        self._finalizer = weakref.finalize(self, _give_up, fd, self._in, self._out)

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing import context, reduction
        context.assert_spawning(self)
        return _from_descriptor, (reduction.DupFd(self._fd),)  # the queue outlives the start of the process

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        self._check()
        parts = _parts(obj) if _is_large(obj) else None
        data = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL) if parts is None else b""
        end = time.monotonic() + timeout if block and timeout is not None else None
        try:
            handle = self._in.take(_left(block, end))
            if handle is None:
                raise Full
            try:
                if parts is None:
                    handle.push(data, 0, _left(block, end))
                else:
                    handle.pushv(parts, 0, _left(block, end))
            finally:
                self._in.lock.release()
        except TimedOut:
            raise Full from None

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        self._check()
        end = time.monotonic() + timeout if block and timeout is not None else None
        try:
            handle = self._out.take(_left(block, end))
            if handle is None:
                raise Empty
            try:
                data = _pop(handle, self._out.buffer, block, end)
                if data is self._out.buffer:  # not for others while it is in use: what is unpickled may call get()
                    self._out.buffer = None
            finally:
                self._out.lock.release()
        except TimedOut:
            raise Empty from None
        obj = pickle.loads(data)
        if isinstance(data, bytearray) and len(data) <= KEPT_MAX:
            self._out.buffer = data
        return obj

    def put_nowait(self, obj: Any) -> None:
        self.put(obj, False)

    def get_nowait(self) -> Any:
        return self.get(False)

    def qsize(self) -> int:
        self._check()
        with _shmemq.Observer(self._fd) as observer:
            return observer.stat().queued_messages

    def empty(self) -> bool:
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether maxsize objects are there; without a maxsize never."""
        with _shmemq.Observer(self._fd) as observer:
            limit = observer.getattr().messages_max
        return limit > 0 and self.qsize() >= limit

    def close(self) -> None:
        """No thread of this process may be in put() or get()."""
        self._closed = True
        self._finalizer()

    def join_thread(self) -> None:
        """Nothing: there is no thread."""

    def cancel_join_thread(self) -> None:
        """Nothing: there is no thread."""

    def _check(self) -> None:
        if self._closed:
            raise ValueError("the queue is closed")


class _Writer:
    """What a Pickler writes to."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self.write = write


def _is_large(obj: Any) -> bool:
    try:
        return sys.getsizeof(obj) >= LARGE
    except Exception:  # what __sizeof__() says does not matter to pickle
        return False


def _parts(obj: Any) -> list[bytes | memoryview]:
    """The pickle of a large object, in parts: copied only when it is pushed."""
    parts: list[bytes | memoryview] = []

    def write(part: bytes) -> None:
        # The length of a bytearray has been written, so it may not become another one.
        parts.append(memoryview(part) if isinstance(part, bytearray) else part)

    pickle.Pickler(_Writer(write), pickle.HIGHEST_PROTOCOL).dump(obj)
    return parts if len(parts) <= PARTS_MAX else [b"".join(parts)]


def _pop(handle: _shmemq.Consumer, buffer: bytearray | None, block: bool, end: float | None) -> bytes | bytearray:
    """The next message: in the buffer, before what else that holds, if there is one and it is large enough."""
    if buffer is not None:
        try:
            handle.pop_into(buffer, _left(block, end))
            return buffer
        except TooLarge:
            pass
    data = handle.pop(_left(block, end))
    return data if len(data) < LARGE else bytearray(data)


def _left(block: bool, end: float | None) -> float | None:
    if not block:
        return 0
    return None if end is None else max(end - time.monotonic(), 0)


def _give_up(fd: int, *ends: _End[Any]) -> None:
    for end in ends:
        end.close()
    os.close(fd)


def _from_descriptor(place: Any) -> Queue:
    queue = Queue.__new__(Queue)
    queue._use(place.detach())
    return queue
