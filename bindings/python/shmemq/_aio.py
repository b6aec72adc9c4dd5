# SPDX-License-Identifier: MIT
"""The handles of the package: those of the extension, which also work in an asyncio loop and can be sent to a child."""
from __future__ import annotations

import asyncio
import os
import sys
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from . import _shmemq
from ._errors import Closed, Empty, Full
from ._shmemq import Handle, Message

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

T = TypeVar("T")
H = TypeVar("H", bound=Handle)

AT_ONCE = 100  # messages that a task moves before it lets others run

# Flags that a handle has to be opened with again, as in shmemq.h.
_OPTIONS = {"stay": 0x80, "shared": 0x100, "prefault": 0x200, "nospin": 0x400}


def _reopen(cls: Callable[..., H], place: Any, options: dict[str, bool]) -> H:
    if not hasattr(place, "detach"):
        return cls(place, **options)
    fd = place.detach()
    try:
        return cls(fd, **options)
    finally:
        os.close(fd)


class _Portable(Handle):
    """Can be an argument of a process that multiprocessing starts by spawn or forkserver."""

    def __reduce__(self) -> tuple[Any, ...]:
        # In a child of fork the handle is the parent's, and raises Forked.
        context = sys.modules.get("multiprocessing.context")
        popen = context.get_spawning_popen() if context is not None else None
        if popen is None:
            raise TypeError(f"{self!r} can only be sent to a process that multiprocessing is about to start: "
                            "elsewhere send the name, or a descriptor of dupfd()")
        options = {name: True for name, flag in _OPTIONS.items() if self._flags & flag}
        if not self._many():
            raise TypeError(f"{self!r} has its end for itself: send the name, or open both with shared=True")
        if isinstance(self.name, str):
            return _reopen, (type(self), self.name, options)
        from multiprocessing import reduction
        fd = self.dupfd()
        weakref.finalize(popen, os.close, fd)
        return _reopen, (type(self), reduction.DupFd(fd), options)

    def _many(self) -> bool:
        return bool(self._flags & _OPTIONS["shared"])


class _Awaitable(Handle):
    """Waits for the handle's descriptor. Nothing is moved while a task waits, so cancelling it loses no message."""

    _loop: asyncio.AbstractEventLoop | None = None
    _waiters: set[asyncio.Future[None]] | None = None
    _moved = 0

    def _wake(self) -> None:
        """All tasks that wait try again; whoever fails waits again."""
        if self._loop is None:
            return
        self._loop.remove_reader(self.fileno())
        self._loop = None
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        if self._waiters is None:
            self._waiters = set()
        if self._loop is None:
            loop.add_reader(self.fileno(), self._wake)
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("a task of another loop waits for this handle")
        waiter = loop.create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            if not self._waiters and not self.closed:
                self._wake()

    async def _until(self, attempt: Callable[[], T]) -> T:
        self._moved += 1
        if self._moved % AT_ONCE == 0:
            await asyncio.sleep(0)
        while True:
            try:
                return attempt()
            except (Empty, Full):
                await self._readable()

    def close(self) -> None:
        if not self.closed:
            self._wake()
        super().close()


class Producer(_Portable, _Awaitable, _shmemq.Producer):
    __doc__ = _shmemq.Producer.__doc__

    async def apush(self, data: ReadableBuffer, type: int = 0) -> None:
        """push() in an asyncio loop."""
        await self._until(lambda: self.push(data, type, 0))

    async def apushv(self, parts: Iterable[ReadableBuffer], type: int = 0) -> None:
        """pushv() in an asyncio loop."""
        parts = tuple(parts)
        await self._until(lambda: self.pushv(parts, type, 0))


class _Popping(_Awaitable):
    if TYPE_CHECKING:
        def pop(self, timeout: float | None = None) -> bytes: ...
        def pop_message(self, timeout: float | None = None) -> Message: ...

    async def apop(self) -> bytes:
        """pop() in an asyncio loop."""
        return await self._until(lambda: self.pop(0))

    async def apop_message(self) -> Message:
        """pop_message() in an asyncio loop."""
        return await self._until(lambda: self.pop_message(0))

    def __aiter__(self: H) -> H:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.apop()
        except Closed:
            raise StopAsyncIteration from None


class Consumer(_Portable, _Popping, _shmemq.Consumer):
    __doc__ = _shmemq.Consumer.__doc__

    def _many(self) -> bool:
        return super()._many() or self.getattr().broadcast


class Follower(_Portable, _Popping, _shmemq.Follower):
    __doc__ = _shmemq.Follower.__doc__

    def _many(self) -> bool:
        return True


class Observer(_Portable, _shmemq.Observer):
    __doc__ = _shmemq.Observer.__doc__

    def _many(self) -> bool:
        return True
