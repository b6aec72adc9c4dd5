# SPDX-License-Identifier: MIT
import multiprocessing
import os
import pickle
import signal

import pytest
import shmemq
import workers
from conftest import until


def test_the_peer_is_killed(name, program):
    peer = program("""
        p = shmemq.Producer(sys.argv[1], create=True)
        p.push(b'x')
        view = p.push_view(10)
        print(flush=True)
        signal.pause()""", name)
    peer.stdout.readline()
    with shmemq.Consumer(name) as consumer:
        assert consumer.pop() == b"x"
        peer.kill()
        with pytest.raises(shmemq.OwnerDied):
            consumer.pop()
        with pytest.raises(shmemq.OwnerDied):
            next(consumer)
        with shmemq.Producer(name) as producer:
            producer.push(b"y")
            assert consumer.pop() == b"y"


def test_a_consumer_is_killed_with_a_message(name, program):
    with shmemq.Producer(name, create=True) as producer:
        producer.push(b"x")
        peer = program("""
            v = shmemq.Consumer(sys.argv[1]).pop_view()
            print(flush=True)
            signal.pause()""", name)
        peer.stdout.readline()
        peer.kill()
        peer.wait()
        with shmemq.Consumer(name) as consumer:
            assert consumer.pop_message() == (b"x", 0, True)
            assert consumer.redelivered


def test_a_blocked_call_notices(name, program):
    peer = program("shmemq.Producer(sys.argv[1], create=True); print(flush=True); sys.stdin.readline(); "
                   "os.kill(os.getpid(), 9)", name)
    peer.stdout.readline()
    with shmemq.Consumer(name) as consumer:
        peer.stdin.write("\n")
        peer.stdin.flush()
        with pytest.raises((shmemq.OwnerDied, shmemq.Closed)):
            consumer.pop()


def test_a_fork(ends):
    producer, consumer = ends
    producer.push(b"x")
    view = consumer.pop_view()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for call in (consumer.stat, consumer.pop, view.release, producer.fileno, lambda: producer.push(b"")):
                with pytest.raises(shmemq.Forked):
                    call()
            with shmemq.Observer(consumer.name) as observer:
                assert observer.stat().queued_messages == 1
            producer.close()
            consumer.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert bytes(view) == b"x"
    view.release()
    producer.push(b"y")
    assert consumer.pop() == b"y"


def test_a_fork_while_a_thread_waits(ends):
    import threading
    from test_threads import waiting
    producer, consumer = ends
    thread = threading.Thread(target=consumer.pop)
    thread.start()
    until(lambda: waiting(consumer))
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with pytest.raises(shmemq.Forked):
                consumer.pop()
            consumer.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    producer.push(b"x")
    thread.join()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("named", [True, False])
def test_a_shared_handle_goes_to_a_child(name, method, named):
    context = multiprocessing.get_context(method)
    where = name if named else shmemq.memfd()
    here, there = context.Pipe()
    with shmemq.Producer(where, create=named, shared=True) as producer, shmemq.Consumer(where) as consumer:
        process = context.Process(target=workers.push, args=(producer, there))
        process.start()
        message = consumer.pop_message()
        assert message[:2] == (b"from the child", process.pid)
        assert here.recv() == "Producer"
        process.join()
        assert process.exitcode == 0
    if not named:
        os.close(where)


def test_other_pickling_is_refused(ends):
    producer, _ = ends
    with pytest.raises(TypeError, match="name"):
        pickle.dumps(producer)
    # It has the end for itself: a child cannot have it, too.
    with pytest.raises(TypeError, match="shared=True"):
        multiprocessing.get_context("spawn").Process(target=workers.push, args=(producer, None)).start()
    with pytest.raises(TypeError):
        pickle.dumps(shmemq.Set())


def test_exit_without_close_is_a_close(name, program):
    """A handle that is a global of the program is dropped, and so closed, when the interpreter ends."""
    program("p = shmemq.Producer(sys.argv[1], create=True); p.push(b'x')", name).wait()
    with shmemq.Consumer(name) as consumer:
        assert list(consumer) == [b"x"]


def test_a_signal_to_another_thread(program):
    """Python's handlers run in the main thread, which waits, though another one gets the signal."""
    process = program("""
        def other():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
            while True:
                time.sleep(100)
        def handler(*_):
            os.write(1, b'handled\\n')  # print() may be what it has interrupted
            os._exit(0)
        signal.signal(signal.SIGUSR1, handler)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        threading.Thread(target=other, daemon=True).start()
        print(flush=True)
        shmemq.Consumer(shmemq.memfd()).pop()""")
    process.stdout.readline()
    process.send_signal(signal.SIGUSR1)
    assert process.communicate()[0] == "handled\n"
