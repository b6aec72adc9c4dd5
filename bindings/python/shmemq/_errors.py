# SPDX-License-Identifier: MIT
"""The exceptions. All but Concurrent are OSErrors; errno says what the library has said."""
import errno as _errno
import queue as _queue


class Error(OSError):
    """A call has failed, and has moved no message."""


class Closed(Error, BrokenPipeError):
    """The peer has closed, and the call would have to wait for it."""


class OwnerDied(Error):
    """The peer has died, and the call would have to wait for it."""


class Empty(Error, BlockingIOError, _queue.Empty):
    """A pop with a timeout of 0: there is no message."""


class Full(Error, BlockingIOError, _queue.Full):
    """A push with a timeout of 0: there is no space."""


class TimedOut(Error, TimeoutError):
    """The timeout has passed."""


class Cancelled(Error):
    """interrupt(), or close() in another thread, has ended the wait."""


class Busy(Error):
    """The end has a handle already; or the handle is in a set, or has a descriptor of its own."""


class TooLarge(Error):
    """The message is larger than the queue's message_max, or than the buffer."""


class Overtaken(Error):
    """A follower was too slow: messages are lost. The next pop goes on at the oldest one that is there."""


class Corrupt(Error):
    """Something else than the library has written to the shared memory."""


class NotAQueue(Error):
    """The name or descriptor is no queue, or one that this build of the library cannot use."""


class NotFound(Error, FileNotFoundError):
    """There is no queue of that name; or the handle is not in that set."""


class Exists(Error, FileExistsError):
    """The name is taken."""


class Denied(Error, PermissionError):
    """No permission."""


class Forked(Error, PermissionError):
    """The handle was opened before a fork, and is the parent's."""


class WrongEnd(Error):
    """The call is for the other end, or not for such a handle; or the descriptor is not open."""


class Invalid(Error, ValueError):
    """An argument is invalid, or the last message that was started has not ended."""


class Concurrent(RuntimeError):
    """Another thread uses the handle: one at a time may."""


# errno: (class, text). Of EAGAIN there are two, of EPERM one without and one with a handle.
BY_ERRNO = {
    _errno.EPIPE: (Closed, "the peer has closed"),
    _errno.EOWNERDEAD: (OwnerDied, "the peer has died"),
    _errno.EAGAIN: (Empty, "there is no message now"),
    -_errno.EAGAIN: (Full, "there is no space now"),
    _errno.ETIMEDOUT: (TimedOut, "the timeout has passed"),
    _errno.ECANCELED: (Cancelled, "the wait was interrupted"),
    _errno.EBUSY: (Busy, "the end has a handle already, or the handle is in a set or has a descriptor"),
    _errno.EMSGSIZE: (TooLarge, "the message is too large for the queue or the buffer"),
    _errno.EOVERFLOW: (Overtaken, "the producer has overtaken the follower, and messages are lost"),
    _errno.EBADMSG: (Corrupt, "the shared memory has been overwritten: close the handle and make the queue anew"),
    _errno.EPROTO: (NotAQueue, "not a queue that this build of the library can use"),
    _errno.ENOENT: (NotFound, "no such queue, or no such handle in the set"),
    _errno.EEXIST: (Exists, "the queue exists already"),
    _errno.EACCES: (Denied, "permission denied"),
    _errno.EPERM: (Denied, "the queue is another user's"),
    -_errno.EPERM: (Forked, "the handle was opened before the fork, and is the parent's"),
    _errno.EBADF: (WrongEnd, "not possible with such a handle or descriptor"),
    _errno.EINVAL: (Invalid, "an argument is invalid, or the message that was started last has not ended"),
    _errno.EFBIG: (Error, "the queue would pass the limit of file sizes"),
    _errno.EMFILE: (Error, "no descriptor or inotify instance is left"),
    _errno.ENAMETOOLONG: (Error, "the name has more than 255 bytes after the slash"),
    _errno.ENFILE: (Error, "the system has too many open files"),
    _errno.ENOMEM: (Error, "no memory, address space or file lock is left"),
    _errno.ENOSPC: (Error, "/dev/shm is full, or too many files are watched"),
    _errno.EOPNOTSUPP: (Error, "/dev/shm or /proc is missing or cannot do what is needed"),
}
