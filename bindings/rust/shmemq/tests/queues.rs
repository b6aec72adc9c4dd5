// SPDX-License-Identifier: MIT
//! Kinds of queues and handles.

mod common;

use common::{pair, Name, LONG, ONCE};
use shmemq::{End, Error, Options, Whence};
use std::thread;

#[test]
fn attributes_are_those_of_the_creator() {
    let name = Name::new();
    let options = Options::new()
        .create(true)
        .capacity(1 << 16)
        .capacity_max(1 << 20)
        .messages_max(10)
        .alignment(64)
        .user(b"schema 1")
        .temporary(true);
    let producer = options.producer(&name.0).unwrap();
    let attributes = Options::new().observer(&name.0).unwrap().attributes().unwrap();
    assert_eq!(attributes, producer.attributes().unwrap());
    assert_eq!((attributes.capacity, attributes.capacity_max), (1 << 16, 1 << 20));
    assert_eq!((attributes.messages_max, attributes.alignment), (10, 64));
    assert_eq!(&attributes.user[..9], b"schema 1\0");
    assert!(attributes.temporary && !attributes.broadcast && attributes.id != 0);
    producer.close().unwrap();
    assert_eq!(Options::new().observer(&name.0).unwrap_err(), Error::NotFound);
}

#[test]
fn a_flag_can_be_taken_back() {
    let name = Name::new();
    let options = Options::new().create(true).create(false);
    assert_eq!(options.producer(&name.0).unwrap_err(), Error::NotFound);
}

#[test]
fn messages_are_aligned() {
    let (mut producer, mut consumer) = pair(Options::new().alignment(256));
    for size in [1, 300, 0] {
        producer.push(&vec![0; size], 0).unwrap();
        assert_eq!(consumer.try_pop().unwrap().as_ptr() as usize % 256, 0);
        assert_eq!(producer.start(size).unwrap().as_ptr() as usize % 256, 0);
    }
}

#[test]
fn so_many_messages_are_queued() {
    let (mut producer, mut consumer) = pair(Options::new().messages_max(2));
    producer.try_push(b"1", 0).unwrap();
    producer.try_push(b"2", 0).unwrap();
    assert_eq!(producer.try_push(b"3", 0), Err(Error::WouldBlock));
    drop(consumer.try_pop().unwrap());
    producer.try_push(b"3", 0).unwrap();
}

#[test]
fn a_queue_grows_and_shrinks() {
    let (mut producer, mut consumer) = pair(Options::new().capacity(1 << 16).capacity_max(1 << 22));
    for number in 0..1000 {
        producer.try_push(&[number as u8; 1000], number).unwrap();
    }
    let stat = producer.stat().unwrap();
    assert!(stat.reserved_bytes_most > 1 << 19, "{stat:?}");
    for number in 0..1000 {
        let message = consumer.try_pop().unwrap();
        assert_eq!(message.tag(), number);
        assert!(message.iter().all(|&byte| byte == number as u8));
    }
    for _ in 0..1000 {
        producer.try_push(&[0; 1000], 0).unwrap();
        drop(consumer.try_pop().unwrap());
    }
    assert!(producer.stat().unwrap().reserved_bytes < stat.reserved_bytes);
}

#[test]
fn each_consumer_of_a_broadcast_queue_gets_every_message() {
    let fd = Options::new().broadcast(true).memfd().unwrap();
    let mut producer = Options::new().producer_of(&fd).unwrap();
    producer.push(b"before", 0).unwrap();
    let mut consumers: Vec<_> = (0..3).map(|_| Options::new().consumer_of(&fd).unwrap()).collect();
    for tag in 1..=3 {
        producer.push(b"after", tag).unwrap();
    }
    for consumer in &mut consumers {
        for tag in 1..=3 {
            let message = consumer.try_pop().unwrap();
            assert_eq!((&*message, message.tag()), (&b"after"[..], tag));
        }
        assert_eq!(consumer.try_pop().unwrap_err(), Error::WouldBlock);
    }
    assert_eq!(producer.stat().unwrap().consumers, 3);
}

#[test]
fn producers_share_an_end() {
    let fd = Options::new().capacity(1 << 16).memfd().unwrap();
    let shared = Options::new().shared(true);
    let mut producers: Vec<_> = (0..4).map(|_| shared.producer_of(&fd).unwrap()).collect();
    let mut consumer = Options::new().consumer_of(&fd).unwrap();
    // While one holds a slot, the others are as before a full ring.
    let (first, rest) = producers.split_at_mut(1);
    let slot = first[0].start(1).unwrap();
    assert_eq!(rest[0].try_push(b"", 0), Err(Error::WouldBlock));
    drop(slot);
    thread::scope(|scope| {
        for mut producer in producers {
            scope.spawn(move || (0..1000).for_each(|tag| producer.push(b"x", tag).unwrap()));
        }
        let sum: u64 = (0..4000)
            .map(|_| u64::from(consumer.pop_timeout(LONG).unwrap().tag()))
            .sum();
        assert_eq!(sum, 4 * 999 * 1000 / 2);
    });
}

#[test]
fn a_follower_reads_along() {
    let fd = Options::new().memfd().unwrap();
    let mut producer = Options::new().producer_of(&fd).unwrap();
    producer.push(b"before", 1).unwrap();
    let mut follower = Options::new().follower_of(&fd).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(follower.pop_into(&mut buffer, ONCE), Err(Error::WouldBlock));
    producer.push(b"after", 2).unwrap();
    assert_eq!(follower.stat().unwrap().lag_messages, 1);
    assert_eq!(follower.pop_into(&mut [0; 4], ONCE), Err(Error::TooLarge));
    assert_eq!(follower.pop_into(&mut buffer, ONCE), Ok((5, 2)));
    assert_eq!(&buffer[..5], b"after");
    assert_eq!(follower.seek(Whence::Queued), Ok(0));
    assert_eq!(follower.pop_into(&mut buffer, ONCE), Ok((6, 1)));
    assert_eq!(follower.seek(Whence::Newest), Ok(1));
    drop(producer);
    assert_eq!(follower.pop_into(&mut buffer, LONG), Err(Error::Closed));
}

#[test]
fn a_follower_that_was_overtaken_goes_on() {
    let fd = Options::new().capacity(4096).broadcast(true).memfd().unwrap(); // without consumers a push never waits
    let mut producer = Options::new().producer_of(&fd).unwrap();
    let mut follower = Options::new().follower_of(&fd).unwrap();
    for tag in 0..1000 {
        producer.try_push(&[0; 100], tag).unwrap();
    }
    assert_eq!(follower.pop_into(&mut [0; 100], ONCE), Err(Error::Overtaken));
    let lost = follower.seek(Whence::Oldest).unwrap();
    let (size, tag) = follower.pop_into(&mut [0; 100], ONCE).unwrap();
    assert_eq!((size, u64::from(tag)), (100, lost));
}

#[test]
fn stat_tells_what_is() {
    let (mut producer, consumer) = pair(Options::new());
    let fd = producer.dup_fd().unwrap();
    producer.push(b"12345", 0).unwrap();
    drop(consumer);
    let observer = Options::new().observer_of(&fd).unwrap();
    let stat = observer.stat().unwrap();
    assert_eq!((stat.producer, stat.consumer), (End::Open, End::Closed));
    assert_eq!(
        (stat.pushed_messages, stat.pushed_bytes, stat.queued_messages),
        (1, 5, 1)
    );
    assert_eq!((stat.popped_messages, stat.producers, stat.consumers), (0, 1, 0));
    assert_eq!(stat.producer_pid, std::process::id());
    assert!(!stat.producer_waits && !stat.consumer_waits);
}

#[test]
fn marks_come_with_what_they_mark() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.set_mark(11).unwrap();
    assert_eq!(producer.stat().unwrap().producer_mark, 0);
    producer.push(b"1", 0).unwrap();
    assert_eq!(producer.stat().unwrap().producer_mark, 11);
    let mut slot = producer.start(1).unwrap();
    slot.set_mark(12).unwrap();
    slot.commit(1, 0).unwrap();
    assert_eq!(producer.stat().unwrap().producer_mark, 12);

    let mut message = consumer.pop().unwrap();
    message.set_mark(21).unwrap();
    assert_eq!(producer.stat().unwrap().consumer_mark, 0);
    drop(message);
    assert_eq!(producer.stat().unwrap().consumer_mark, 21);
    let mut batch = consumer.pop_batch(8, None).unwrap();
    batch.set_mark(22).unwrap();
    batch.release(0).unwrap();
    assert_eq!(producer.stat().unwrap().consumer_mark, 22);
    assert_eq!(producer.stat().unwrap().queued_messages, 1);
}

#[test]
fn a_shared_end_has_no_mark() {
    let fd = Options::new().memfd().unwrap();
    let mut producer = Options::new().shared(true).producer_of(&fd).unwrap();
    assert_eq!(producer.set_mark(1), Err(Error::Invalid));
}

#[test]
fn the_remaining_flags_are_accepted() {
    let name = Name::new();
    let options = Options::new()
        .create(true)
        .mode(0o640)
        .prefault(true)
        .no_spin(true)
        .stay(true);
    let producer = options.producer(&name.0).unwrap();
    let mut consumer = options.consumer(&name.0).unwrap();
    drop(producer);
    assert_eq!(consumer.try_pop().unwrap_err(), Error::WouldBlock); // stay: not Closed
}
