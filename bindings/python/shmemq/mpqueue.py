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
import threading
import time
import weakref
from typing import Any, Generic, TypeVar

from . import _shmemq
from ._errors import Empty, Full, TimedOut

H = TypeVar("H", bound=_shmemq.Handle)


class _End(Generic[H]):
    """A process's handle of one end, opened when it is first needed. Its threads take turns."""

    def __init__(self, cls: type[H], fd: int) -> None:
        self.cls, self.fd = cls, fd
        self.pid, self.lock = os.getpid(), threading.Lock()
        self.handle: H | None = None

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
        data = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)
        end = time.monotonic() + timeout if block and timeout is not None else None
        try:
            handle = self._in.take(_left(block, end))
            if handle is None:
                raise Full
            try:
                handle.push(data, 0, _left(block, end))
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
                data = handle.pop(_left(block, end))
            finally:
                self._out.lock.release()
        except TimedOut:
            raise Empty from None
        return pickle.loads(data)

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
