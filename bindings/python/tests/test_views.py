# SPDX-License-Identifier: MIT
import gc
import weakref

import numpy
import pytest
import shmemq


def test_in_place_both_ways(ends):
    producer, consumer = ends
    with producer.push_view(800, type=4) as view:
        assert len(view) == 800 and not view.data.readonly
        numpy.frombuffer(view)[:] = numpy.arange(100)
    assert view.released
    with consumer.pop_view() as view:
        assert view.type == 4 and not view.redelivered
        assert view.data.readonly
        assert numpy.frombuffer(view).sum() == 4950
    assert consumer.stat().popped_messages == 1


def test_nothing_is_used_after_the_release(ends):
    producer, consumer = ends
    producer.push(b"abc")
    with consumer.pop_view() as view:
        memory = view.data
        assert memory == b"abc"
    with pytest.raises(ValueError):
        memory[0]
    with pytest.raises(ValueError):
        view.data
    with pytest.raises(BufferError):
        memoryview(view)
    with pytest.raises(ValueError):
        view.__enter__()
    view.release()
    assert len(view) == 3


@pytest.mark.parametrize("lend", [numpy.frombuffer, memoryview, lambda view: view.data[1:],
                                  lambda view: numpy.frombuffer(view.data)])
def test_a_view_that_is_lent_does_not_end(ends, lend):
    producer, consumer = ends
    producer.push(bytes(8))
    view = consumer.pop_view()
    loan = lend(view)
    for end in view.release, view.cancel, consumer.close:
        with pytest.raises(BufferError):
            end()
    assert bytes(loan) in bytes(8) and not view.released and not consumer.closed
    del loan
    view.release()
    assert consumer.stat().queued_messages == 0


def test_a_view_keeps_the_handle(name):
    producer, consumer = shmemq.Producer(name, create=True), shmemq.Consumer(name)
    producer.push(b"12345678")
    array = numpy.frombuffer(consumer.pop_view(), "u1")
    del consumer
    gc.collect()
    assert bytes(array) == b"12345678"
    assert producer.stat().consumer == shmemq.End.OPEN
    with pytest.warns(ResourceWarning):
        del array
    assert producer.stat().consumer == shmemq.End.CLOSED
    producer.close()


def test_an_exception_undoes(ends):
    producer, consumer = ends
    with pytest.raises(ZeroDivisionError), producer.push_view(10):
        1 / 0
    assert consumer.stat().queued_messages == 0
    producer.push(b"a")
    with pytest.raises(ZeroDivisionError), consumer.pop_view():
        1 / 0
    assert consumer.pop() == b"a"


def test_an_exception_goes_on_though_the_view_is_lent(ends):
    producer, consumer = ends
    producer.push(b"a")

    def use():
        with consumer.pop_view() as view:
            loan = memoryview(view)
            return 1 / 0 * len(loan)
    with pytest.raises(ZeroDivisionError):
        use()
    gc.collect()
    assert consumer.pop() == b"a"


def test_a_dropped_view_is_cancelled(ends):
    producer, consumer = ends
    producer.push_view(10)
    producer.push(b"a")
    consumer.pop_view()
    consumer.pop_batch()
    assert consumer.pop() == b"a"


def test_commit_of_less(ends):
    producer, consumer = ends
    view = producer.push_view(10)
    view.data[:3] = b"abc"
    for size in 11, -1, 2**62:
        with pytest.raises(ValueError):
            view.commit(size)
    with pytest.raises(shmemq.Invalid):
        producer.push(b"not meanwhile")
    with pytest.raises(TypeError):
        view.release()
    view.commit(3, type=8)
    assert view.released
    with pytest.raises(ValueError):
        view.commit()
    assert consumer.pop_message() == (b"abc", 8, False)


def test_a_batch(ends):
    producer, consumer = ends
    producer.push_many([b"%d" % i for i in range(10)])
    with consumer.pop_batch(3) as batch:
        assert [bytes(view) for view in batch] == [b"0", b"1", b"2"]
        assert batch.more(2) == 2 and len(batch) == 5
        first = batch[0]
        assert first is batch[0] and first.type == 0
        with pytest.raises(TypeError):
            first.release()
        with pytest.raises(IndexError):
            batch[5]
        batch.release(4)
    assert first.released
    with pytest.raises(ValueError):
        batch[0]
    assert consumer.pop() == b"4"
    with pytest.raises(ZeroDivisionError), consumer.pop_batch(2):
        1 / 0
    batch = consumer.pop_batch(2)
    with pytest.raises(ValueError):
        batch.release(3)
    loan = memoryview(batch[1])
    with pytest.raises(BufferError):
        batch.release()
    assert loan == b"6"
    loan.release()
    batch.release()
    assert consumer.pop() == b"7"


def test_a_view_keeps_its_batch(ends):
    producer, consumer = ends
    producer.push_many([b"a", b"b"])
    array = numpy.frombuffer(consumer.pop_batch()[1], "u1")
    gc.collect()
    assert bytes(array) == b"b"
    with pytest.raises(BufferError):
        consumer.close()
    del array
    assert consumer.pop() == b"a"


def test_a_close_returns_what_is_held(name):
    with shmemq.Producer(name, create=True) as producer:
        producer.push(b"a")
        with shmemq.Consumer(name) as consumer:
            view = consumer.pop_view()
        assert view.released
        with shmemq.Consumer(name) as consumer:
            assert consumer.pop_message() == (b"a", 0, True)


def test_cycles_are_collected(name):
    """Through the attributes of a handle, its view, the view's memoryview, and a set."""
    producer, consumer = shmemq.Producer(name, create=True), shmemq.Consumer(name)
    producer.push(b"a")
    handles = shmemq.Set()
    handles.add(consumer)
    consumer.view = consumer.pop_view()
    consumer.memory = consumer.view.data
    consumer.set = handles
    consumer.me = consumer
    gone = weakref.ref(consumer)
    del consumer, handles
    gc.collect()
    assert gone() is None
    assert producer.stat().consumer == shmemq.End.CLOSED
    assert producer.stat().queued_messages == 1
    producer.close()


def test_a_cycle_that_ends_with_a_lent_view(name):
    """A finalizer that runs in the same collection still finds the memory."""
    producer, consumer = shmemq.Producer(name, create=True), shmemq.Consumer(name)
    producer.push(b"a" * 1000)
    seen = []

    class Late:
        def __del__(self):
            seen.append(bytes(self.memory[-1:]))
    late = Late()
    late.me, late.memory, consumer.late = late, consumer.pop_view().data, late
    del late, consumer
    gc.collect()
    assert seen == [b"a"]
    assert producer.stat().consumer == shmemq.End.CLOSED
    producer.close()
