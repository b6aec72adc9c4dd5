# SPDX-License-Identifier: MIT
import asyncio

import pytest
import shmemq


def test_messages_go_through_a_loop(name):
    async def main():
        with shmemq.Producer(name, create=True, capacity=1 << 12) as producer, shmemq.Consumer(name) as consumer:
            async def send():
                for i in range(5000):
                    await producer.apush(b"%d" % i, i)
                producer.close()

            sender = asyncio.create_task(send())
            got = [int(message) async for message in consumer]
            await sender
            with pytest.raises(shmemq.Closed):
                await consumer.apop()
            return got
    assert asyncio.run(main()) == list(range(5000))


def test_a_consumer_of_another_process(name, program):
    async def main():
        with shmemq.Consumer(name, create=True) as consumer:
            peer = program("""
                with shmemq.Producer(sys.argv[1]) as p:
                    for i in range(1000):
                        p.push(b'%d' % i)
                    sys.stdin.readline()""", name)
            for i in range(1000):
                assert int(await consumer.apop()) == i
            waiting = asyncio.create_task(consumer.apop())
            await asyncio.sleep(0)
            peer.kill()
            with pytest.raises(shmemq.OwnerDied):
                await waiting
    asyncio.run(main())


def test_a_cancelled_pop_loses_nothing(name):
    async def main():
        with shmemq.Producer(name, create=True) as producer, shmemq.Consumer(name) as consumer:
            got, sent = [], 0
            for i in range(500):
                task = asyncio.create_task(consumer.apop())
                await asyncio.sleep(0)
                if i % 3 == 0:
                    producer.push(b"%d" % sent)
                    sent += 1
                for _ in range(i % 4):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    got.append(int(await task))
                except asyncio.CancelledError:
                    pass
            producer.close()
            return got + [int(message) async for message in consumer], sent
    got, sent = asyncio.run(main())
    assert got == list(range(sent))


def test_a_cancelled_push_is_not_sent(name):
    async def main():
        with shmemq.Producer(name, create=True, messages_max=1) as producer, shmemq.Consumer(name) as consumer:
            await producer.apush(b"a")
            task = asyncio.create_task(producer.apushv([b"b", b"c"]))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await consumer.apop() == b"a"
            task = asyncio.create_task(producer.apushv([b"d", b"e"], 3))
            assert await consumer.apop_message() == (b"de", 3, False)
            await task
    asyncio.run(main())


def test_many_tasks_wait_for_one_handle(name):
    async def main():
        with shmemq.Producer(name, create=True) as producer, shmemq.Consumer(name) as consumer:
            tasks = [asyncio.create_task(consumer.apop()) for _ in range(20)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            for i in range(19):
                producer.push(b"%d" % i)
            return await asyncio.gather(*tasks[1:])
    assert sorted(map(int, asyncio.run(main()))) == list(range(19))


def test_close_ends_the_tasks_that_wait(name):
    async def main():
        with shmemq.Consumer(name, create=True) as consumer:
            task = asyncio.create_task(consumer.apop())
            await asyncio.sleep(0.01)
            consumer.close()
            with pytest.raises(ValueError):
                await task
    asyncio.run(main())


def test_one_handle_after_another_loop(name):
    with shmemq.Producer(name, create=True) as producer, shmemq.Follower(name) as follower:
        for i in range(3):
            async def main():
                task = asyncio.create_task(follower.apop())
                await asyncio.sleep(0)
                producer.push(b"%d" % i)
                return int(await task)
            assert asyncio.run(main()) == i


def test_others_run_while_messages_keep_coming(name):
    async def main():
        with shmemq.Producer(name, create=True) as producer, shmemq.Consumer(name) as consumer:
            turns = 0

            async def other():
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)
            task = asyncio.create_task(other())
            for _ in range(1000):
                producer.push(b"x")
                await consumer.apop()
            task.cancel()
            return turns
    assert asyncio.run(main()) >= 9
