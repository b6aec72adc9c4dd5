# SPDX-License-Identifier: MIT
import os
import signal
import threading

import pytest
import shmemq
from conftest import until


class Thread(threading.Thread):
    """Its join() returns what the function did, or raises."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.call, self.result, self.error = (function, args), None, None
        self.start()

    def run(self):
        try:
            self.result = self.call[0](*self.call[1])
        except BaseException as error:
            self.error = error

    def join(self):
        super().join()
        if self.error is not None:
            raise self.error
        return self.result


def waiting(handle):
    """A thread is in a call on the handle."""
    try:
        handle.stat()
        return False
    except shmemq.Concurrent:
        return True


def test_others_run_while_a_call_waits(ends):
    producer, consumer = ends
    thread = Thread(consumer.pop)
    until(lambda: waiting(consumer))
    producer.push(b"x")
    assert thread.join() == b"x"


def test_a_second_thread_is_refused(ends):
    producer, consumer = ends
    thread = Thread(consumer.pop)
    until(lambda: waiting(consumer))
    for call in (lambda: consumer.pop(0), consumer.pop_view, consumer.fileno, lambda: consumer.wait_peer(0),
                 lambda: consumer.mark(1), lambda: next(consumer)):
        with pytest.raises(shmemq.Concurrent):
            call()
    producer.push(b"x")
    assert thread.join() == b"x"
    producer.push(b"y")
    assert consumer.pop() == b"y"


def test_interrupt(ends):
    _, consumer = ends
    thread = Thread(consumer.pop)
    until(lambda: waiting(consumer))
    consumer.interrupt()
    with pytest.raises(shmemq.Cancelled):
        thread.join()


@pytest.mark.parametrize("call", ["pop", "pop_view", "__next__", "wait_peer"])
def test_close_ends_the_wait_of_another_thread(name, call):
    with shmemq.Consumer(name, create=True) as consumer:
        thread = Thread(getattr(consumer, call))
        until(lambda: waiting(consumer))
        consumer.close()
        with pytest.raises(shmemq.Cancelled):
            thread.join()
        with pytest.raises(ValueError):
            consumer.pop()


def test_close_ends_the_wait_of_a_set(name):
    with shmemq.Set() as ready, shmemq.Consumer(name, create=True) as consumer:
        ready.add(consumer)
        with pytest.raises(shmemq.Empty):
            while True:
                consumer.pop(0)
                ready.wait()

        # The handle may be ready for no reason, until a pop fails. The close may then come between two waits.
        def wait():
            while len(ready) > 0:
                try:
                    for handle in ready.wait(timeout=1):
                        handle.pop(0)
                except (shmemq.Empty, shmemq.TimedOut):
                    pass
                except (shmemq.Cancelled, shmemq.Concurrent, ValueError):
                    return
        thread = Thread(wait)
        until(lambda: waiting(consumer))
        consumer.close()
        thread.join()
        assert len(ready) == 0


def test_many_threads_that_share_a_handle_wrongly(ends):
    """Each message is there once, whoever gets it; the others are told."""
    producer, consumer = ends
    got, refused = [], []

    def take():
        while True:
            try:
                got.append(consumer.pop())
            except shmemq.Concurrent:
                refused.append(1)
            except (shmemq.Closed, shmemq.Cancelled):
                return
    threads = [Thread(take) for _ in range(8)]
    for i in range(20000):
        producer.push(b"%d" % i)
    producer.close()
    for thread in threads:
        thread.join()
    assert sorted(map(int, got)) == list(range(20000))


def test_a_view_that_is_collected_while_another_thread_waits(ends):
    """The message returns to the queue when the wait has ended."""
    producer, consumer = ends
    producer.close()
    with shmemq.Producer(consumer.dupfd()) as producer:
        producer.push(b"x")
        view = [consumer.pop_view()]
        producer.close()
        thread = Thread(consumer.wait_peer)
        until(lambda: waiting(consumer))
        view.clear()
        consumer.interrupt()
        with pytest.raises(shmemq.Cancelled):
            thread.join()
    assert consumer.pop() == b"x"


def test_a_signal_handler_runs_in_a_wait_and_the_wait_goes_on(ends):
    _, consumer = ends
    seen = []
    old = signal.signal(signal.SIGALRM, lambda *_: seen.append(waiting(consumer)))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(shmemq.TimedOut):
            consumer.pop(timeout=0.5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert seen[0] and len(seen) > 5


def test_a_signal_handler_cannot_close_what_it_has_interrupted(ends):
    _, consumer = ends

    def handler(*_):
        consumer.close()
    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        with pytest.raises(shmemq.Concurrent):
            consumer.pop()
    finally:
        signal.signal(signal.SIGALRM, old)
    assert not consumer.closed


@pytest.mark.parametrize("wait", ["c.pop()", "next(c)", "c.pop_view()", "c.pop_batch()", "c.wait_peer()", "s.wait()",
                                  "f.pop()", "p.push(b'x' * 900000)", "p.push_view(900000)", "p.wait_empty()"])
def test_control_c(name, program, wait):
    process = program("""
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
        p = shmemq.Producer(shmemq.memfd())
        p.push(b'x' * 900000)
        f = shmemq.Follower(p.dupfd())
        c = shmemq.Consumer(shmemq.memfd())
        s = shmemq.Set()
        try:
            print('ready', flush=True)
            exec(sys.argv[1])
        except KeyboardInterrupt:
            print('interrupted', flush=True)
        os._exit(0)""", wait)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == "interrupted\n"


def test_the_interpreter_ends_while_threads_wait(program):
    process = program("""
        fd = shmemq.memfd()
        p, c = shmemq.Producer(fd), shmemq.Consumer(fd)
        t = threading.Thread(target=c.pop, daemon=True)
        t.start()
        while True:
            try:
                c.stat()
            except shmemq.Concurrent:
                break
        print('ends')""")
    assert process.communicate()[0] == "ends\n"
    assert process.returncode == 0


def test_threads_of_a_process_use_the_two_ends():
    fd = shmemq.memfd(capacity=1 << 12)
    with shmemq.Producer(fd) as producer, shmemq.Consumer(fd) as consumer:
        os.close(fd)
        thread = Thread(lambda: sum(map(len, consumer)))
        for i in range(3000):
            producer.push(b"x" * i)
        producer.close()
        assert thread.join() == 3000 * 2999 // 2
