# SPDX-License-Identifier: MIT
# Prints messages in an asyncio loop until the producer closes: loop.py /NAME
import asyncio
import ctypes
import errno
import os
import sys

CONSUMER, CREATE = 0x02, 0x10  # as in shmemq.h
AT_A_TIME = 100  # messages: the loop has other things to do

lib = ctypes.CDLL("libshmemq.so.0", use_errno=True)
lib.shmemq_open.restype = ctypes.c_void_p
lib.shmemq_open.argtypes = ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p
lib.shmemq_timedpop_start.restype = ctypes.c_void_p
lib.shmemq_timedpop_start.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t),
                                      ctypes.POINTER(ctypes.c_uint32), ctypes.c_int64)
for name in "shmemq_pop_end", "shmemq_pollfd", "shmemq_close":
    getattr(lib, name).argtypes = (ctypes.c_void_p,)


def check(good):
    if not good:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def pop(q):
    """Returns the next message, or None if there is none now."""
    size = ctypes.c_size_t()
    data = lib.shmemq_timedpop_start(q, size, None, 0)
    if data is None and ctypes.get_errno() == errno.EAGAIN:
        return None
    check(data is not None)
    message = ctypes.string_at(data, size.value)
    check(lib.shmemq_pop_end(q) == 0)
    return message


async def messages(q):
    """Yields messages until the producer closes; raises OSError if it was killed."""
    loop, ready, fd = asyncio.get_running_loop(), asyncio.Event(), lib.shmemq_pollfd(q)
    check(fd >= 0)
    loop.add_reader(fd, ready.set)
    try:
        while await ready.wait():
            ready.clear()  # set again while the descriptor is readable
            for _ in range(AT_A_TIME):
                message = pop(q)
                if message is None:
                    break
                yield message
    except BrokenPipeError:  # EPIPE
        pass
    finally:
        loop.remove_reader(fd)


async def main(name):
    q = lib.shmemq_open(name, CONSUMER | CREATE, 0o600, None)
    check(q is not None)
    async for message in messages(q):
        print(message.decode())
    check(lib.shmemq_close(q) == 0)
    check(lib.shmemq_unlink(name) == 0)


asyncio.run(main(os.fsencode(sys.argv[1])))
