# SPDX-License-Identifier: MIT
"""Message queues in shared memory between processes on one machine: libshmemq.

A producer, and its consumer in another process:

    with shmemq.Producer("/hello", create=True) as q:
        q.push(b"hello")

    with shmemq.Consumer("/hello", create=True) as q:
        for message in q:       # until the producer has closed
            print(message)

Handles are opened with a name, or with the number of a descriptor (memfd(), Handle.dupfd()), and with the attributes of
shmemq_open(3) if they create the queue. Timeouts are in seconds: None waits forever, 0 tries once. Wherever a call
waits, other threads run and Ctrl-C works. One thread at a time may use a handle. shmemq(7) explains the rest.
"""
import enum as _enum

from ._aio import Consumer, Follower, Observer, Producer
from ._errors import (Busy, Cancelled, Closed, Concurrent, Corrupt, Denied, Empty, Error, Exists, Forked, Full, Invalid,
                      NotAQueue, NotFound, Overtaken, OwnerDied, TimedOut, TooLarge, WrongEnd)
from ._shmemq import NEWEST, OLDEST, QUEUED, Attr, Batch, Handle, Message, Set, Stat, View, memfd, unlink, version


class End(_enum.IntEnum):
    """The state of an end in Stat."""

    NEVER = 0
    OPEN = 1
    CLOSED = 2
    DEAD = 3


__all__ = [
    "Attr", "Batch", "Busy", "Cancelled", "Closed", "Concurrent", "Consumer", "Corrupt", "Denied", "Empty", "End",
    "Error", "Exists", "Follower", "Forked", "Full", "Handle", "Invalid", "Message", "NEWEST", "NotAQueue", "NotFound",
    "OLDEST", "Observer", "Overtaken", "OwnerDied", "Producer", "QUEUED", "Set", "Stat", "TimedOut", "TooLarge", "View",
    "WrongEnd", "memfd", "unlink", "version",
]
