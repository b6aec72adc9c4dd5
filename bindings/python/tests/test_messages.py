# SPDX-License-Identifier: MIT
import array
import os
import queue

import numpy
import pytest
import shmemq


@pytest.mark.parametrize("data", [b"", b"one", bytearray(b"two"), memoryview(b"three")[1:3], array.array("i", [1, 2]),
                                  numpy.arange(10.0), b"x" * 100000])
def test_all_that_has_bytes_is_a_message(ends, data):
    producer, consumer = ends
    producer.push(data)
    assert consumer.pop() == bytes(data)


def test_what_has_none_is_no_message(ends):
    producer, _ = ends
    for data in "text", 5, None, [b"x"], numpy.arange(10)[::2]:
        with pytest.raises((TypeError, ValueError, BufferError)):
            producer.push(data)
    assert producer.stat().pushed_messages == 0


def test_tags(ends):
    producer, consumer = ends
    producer.push(b"a", 7)
    producer.push(b"b", type=2**32 - 1)
    assert consumer.pop_message() == (b"a", 7, False)
    consumer.pop()
    assert (consumer.type, consumer.redelivered) == (2**32 - 1, False)
    for wrong in -1, 2**32, 2**100:
        with pytest.raises(OverflowError):
            producer.push(b"", wrong)
    with pytest.raises(TypeError):
        producer.push(b"", 1.5)


def test_arguments(ends):
    producer, consumer = ends
    for wrong in (lambda: producer.push(), lambda: producer.push(b"", 0, 0, 0), lambda: producer.push(b"", x=1),
                  lambda: producer.push(b"", data=b""), lambda: consumer.pop("soon"), lambda: shmemq.Set(1),
                  lambda: shmemq.View(), lambda: shmemq.Handle("/x"), lambda: shmemq.Producer()):
        with pytest.raises(TypeError):
            wrong()
    for wrong in (lambda: consumer.pop(-1), lambda: consumer.pop(float("nan")), lambda: consumer.pop_many(0),
                  lambda: shmemq.Producer("/a\0b"), lambda: shmemq.Consumer("no slash"),
                  lambda: shmemq.memfd(user=b"x" * 65), lambda: producer.pushv([b""] * 257)):
        with pytest.raises(ValueError):
            wrong()
    for wrong in (lambda: consumer.pop_many(-1), lambda: producer.push_view(-1), lambda: producer.push_view(2**70),
                  lambda: shmemq.Consumer(2**32 + 3), lambda: shmemq.Consumer(-1), lambda: shmemq.memfd(capacity=-1)):
        with pytest.raises(OverflowError):
            wrong()


def test_an_iterator_ends_when_the_producer_has_closed(ends):
    producer, consumer = ends
    assert producer.push_many(b"%d" % i for i in range(1000)) == 1000
    producer.close()
    assert [int(message) for message in consumer] == list(range(1000))
    assert list(consumer) == []
    with pytest.raises(shmemq.Closed):
        consumer.pop()


def test_many(ends):
    producer, consumer = ends
    producer.push_many([b"a", b"bc", b""], 5)
    assert consumer.pop_many(2) == [b"a", b"bc"]
    assert consumer.pop_many(timeout=0) == [b""]
    assert consumer.type == 5
    assert producer.push_many([]) == 0
    # Those that fit, then the time is up.
    pushed = producer.push_many([b"x" * 1000] * 2000, timeout=0)
    assert 1000 < pushed < 2000
    with pytest.raises(shmemq.Full):
        producer.push_many([b"x" * 1000], timeout=0)
    with pytest.raises(TypeError):
        producer.push_many([b"a", "b"])
    assert producer.stat().queued_messages == pushed


def test_parts(ends):
    producer, consumer = ends
    producer.pushv([b"one", bytearray(b" and "), numpy.frombuffer(b"two", "u1")], 3)
    assert consumer.pop_message() == (b"one and two", 3, False)
    producer.pushv([])
    assert consumer.pop() == b""


def test_into(ends):
    producer, consumer = ends
    producer.push(b"12345678")
    with pytest.raises(shmemq.TooLarge):
        consumer.pop_into(bytearray(7))
    with pytest.raises((TypeError, BufferError)):
        consumer.pop_into(b"immutable")
    numbers = numpy.zeros(2, "u8")
    assert consumer.pop_into(numbers) == 8
    assert bytes(numbers) == b"12345678" + bytes(8)


def test_a_try_and_a_timeout(ends):
    producer, consumer = ends
    with pytest.raises(shmemq.Empty) as empty:
        consumer.pop(timeout=0)
    assert isinstance(empty.value, queue.Empty) and isinstance(empty.value, BlockingIOError)
    with pytest.raises(shmemq.TimedOut) as timed_out:
        consumer.pop(timeout=0.001)
    assert isinstance(timed_out.value, TimeoutError)
    with pytest.raises(shmemq.Full) as full:
        while True:
            producer.push(b"x" * 50000, timeout=0)
    assert isinstance(full.value, queue.Full)
    with pytest.raises(shmemq.TimedOut):
        producer.push(b"x" * 100000, timeout=1e-12)
    with pytest.raises(shmemq.TooLarge):
        producer.push(bytes(2**20))
    with pytest.raises(shmemq.TooLarge):
        producer.push_view(2**60)


def test_exceptions_of_open(name):
    with pytest.raises(shmemq.NotFound) as not_found:
        shmemq.Consumer(name)
    assert isinstance(not_found.value, FileNotFoundError) and not_found.value.filename == name
    with shmemq.Producer(name, create=True), pytest.raises(shmemq.Busy):
        shmemq.Producer(name)
    with pytest.raises(shmemq.Exists):
        shmemq.Producer(name, create=True, exclusive=True)
    with pytest.raises(shmemq.WrongEnd):
        shmemq.Consumer(2**31 - 1)
    with open("/dev/null") as null, pytest.raises(shmemq.NotAQueue):
        shmemq.Consumer(null.fileno())


def test_attributes_and_state(name):
    with shmemq.Producer(name, create=True, capacity=1 << 16, capacity_max=1 << 20, messages_max=5, alignment=64,
                         temporary=True, user=b"schema 1") as producer:
        attr = producer.getattr()
        assert (attr.capacity, attr.capacity_max, attr.messages_max, attr.alignment) == (1 << 16, 1 << 20, 5, 64)
        assert (attr.temporary, attr.broadcast, attr.user) == (True, False, b"schema 1".ljust(64, b"\0"))
        producer.mark(2**64 - 1)
        producer.push(b"12345")
        with shmemq.Observer(name) as observer:
            stat = observer.stat()
            assert (stat.queued_messages, stat.pushed_bytes, stat.producer_mark) == (1, 5, 2**64 - 1)
            assert (stat.producer, stat.consumer) == (shmemq.End.OPEN, shmemq.End.NEVER)
            assert stat.producer_pid == os.getpid()
        with pytest.raises(shmemq.TimedOut):
            producer.wait_peer(0.001)
        with pytest.raises(shmemq.Full):
            producer.wait_empty(0)
    with pytest.raises(shmemq.NotFound):
        shmemq.Observer(name)


def test_a_follower(name):
    with shmemq.Producer(name, create=True, broadcast=True, capacity=1 << 16) as producer, \
            shmemq.Follower(name) as follower:
        producer.push(b"x" * 10000, 9)
        assert follower.pop_message() == (b"x" * 10000, 9, False)
        with pytest.raises(shmemq.Empty):
            follower.pop(0)
        producer.push_many([b"y" * 100] * 2000)
        with pytest.raises(shmemq.Overtaken):
            follower.pop()
        assert follower.seek(shmemq.OLDEST) > 1000
        producer.close()
        assert set(follower) == {b"y" * 100}


def test_descriptors():
    fd = shmemq.memfd(capacity=1 << 16)
    with shmemq.Producer(fd) as producer:
        os.close(fd)
        fd = producer.dupfd()
        with shmemq.Consumer(fd) as consumer:
            os.close(fd)
            producer.push(b"x")
            assert consumer.pop() == b"x"


def test_a_closed_handle(ends):
    producer, consumer = ends
    producer.close()
    producer.close()
    assert producer.closed and not consumer.closed
    for call in (lambda: producer.push(b""), producer.stat, producer.fileno, producer.interrupt, producer.__enter__):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_a_dropped_handle_is_closed_with_a_warning(name):
    producer = shmemq.Producer(name, create=True)
    with pytest.warns(ResourceWarning, match="unclosed"):
        del producer
    with shmemq.Observer(name) as observer:
        assert observer.stat().producer == shmemq.End.CLOSED


def test_every_error_of_the_header_has_a_class(name):
    import errno
    from shmemq import _errors
    names = ("EACCES EAGAIN EBADF EBADMSG EBUSY ECANCELED EEXIST EFBIG EINVAL EMFILE EMSGSIZE ENAMETOOLONG ENFILE "
             "ENOENT ENOMEM ENOSPC EOPNOTSUPP EOVERFLOW EOWNERDEAD EPERM EPIPE EPROTO ETIMEDOUT").split()
    assert {abs(number) for number in _errors.BY_ERRNO} == {getattr(errno, name) for name in names}
    with pytest.raises(shmemq.Error) as error:
        shmemq.Consumer("/" + "x" * 256)
    assert error.value.errno == errno.ENAMETOOLONG
