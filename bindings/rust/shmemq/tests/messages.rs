// SPDX-License-Identifier: MIT
//! Messages that go through, each way.

mod common;

use common::{pair, Name, LONG, ONCE};
use shmemq::{Error, Msg, Options};
use std::io::IoSlice;
use std::time::Duration;
use std::{io, mem, thread};

#[test]
fn a_copy_goes_through() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"hello", 7).unwrap();
    let message = consumer.pop().unwrap();
    assert_eq!(&*message, b"hello");
    assert_eq!(message.tag(), 7);
    assert!(!message.is_redelivered());
}

#[test]
fn a_message_that_was_dropped_is_not_popped_again() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"one", 0).unwrap();
    producer.push(b"two", 0).unwrap();
    drop(consumer.pop().unwrap());
    consumer.pop().unwrap().release().unwrap();
    assert_eq!(consumer.try_pop().unwrap_err(), Error::WouldBlock);
}

#[test]
fn a_message_of_no_bytes_goes_through() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"", 1).unwrap();
    producer.start(0).unwrap().commit(0, 2).unwrap();
    producer.push_batch(&[Msg::new(b"", 3)], None).unwrap();
    producer.push_vectored(&[], 4, None).unwrap();
    for tag in 1..=2 {
        let message = consumer.try_pop().unwrap();
        assert_eq!((message.len(), message.tag()), (0, tag));
    }
    let batch = consumer.pop_batch(1, ONCE).unwrap();
    assert_eq!(
        (batch.messages()[0].data(), batch.messages()[0].tag()),
        (&b""[..], 3)
    );
    drop(batch);
    assert_eq!(consumer.pop_into(&mut [], ONCE), Ok((0, 4)));
}

#[test]
fn buffers_become_one_message() {
    let (mut producer, mut consumer) = pair(Options::new());
    let buffers = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"c")];
    producer.push_vectored(&buffers, 9, None).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(consumer.pop_into(&mut buffer, ONCE), Ok((3, 9)));
    assert_eq!(&buffer[..3], b"abc");
}

#[test]
fn a_buffer_too_small_leaves_the_message() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"hello", 0).unwrap();
    assert_eq!(consumer.pop_into(&mut [0; 4], ONCE), Err(Error::TooLarge));
    assert_eq!(&*consumer.try_pop().unwrap(), b"hello");
}

#[test]
fn a_message_too_large_is_refused() {
    let (mut producer, _consumer) = pair(Options::new().capacity(1 << 16));
    let largest = producer.attributes().unwrap().message_max as usize;
    assert_eq!(producer.push(&vec![0; largest + 1], 0), Err(Error::TooLarge));
    assert_eq!(producer.start(largest + 1).unwrap_err(), Error::TooLarge);
    producer.push(&vec![0; largest], 0).unwrap();
}

#[test]
fn a_slot_is_committed_in_part() {
    let (mut producer, mut consumer) = pair(Options::new());
    let mut slot = producer.start(100).unwrap();
    assert_eq!(slot.len(), 100);
    slot[..3].copy_from_slice(b"abc");
    slot.commit(3, 5).unwrap();
    let message = consumer.try_pop().unwrap();
    assert_eq!((&*message, message.tag()), (&b"abc"[..], 5));
}

#[test]
fn a_slot_that_is_dropped_pushes_nothing() {
    let (mut producer, mut consumer) = pair(Options::new());
    drop(producer.start(100).unwrap());
    assert_eq!(producer.try_start(4).unwrap().commit(5, 0), Err(Error::Invalid));
    producer.push(b"next", 0).unwrap();
    assert_eq!(&*consumer.try_pop().unwrap(), b"next");
    assert_eq!(consumer.try_pop().unwrap_err(), Error::WouldBlock);
}

#[test]
fn a_batch_goes_through() {
    let (mut producer, mut consumer) = pair(Options::new());
    let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let messages: Vec<Msg> = texts.iter().map(|text| Msg::new(text.as_bytes(), 1)).collect();
    assert_eq!(producer.push_batch(&messages, None), Ok(100));
    let batch = consumer.pop_batch(1000, None).unwrap();
    assert_eq!(batch.len(), 100);
    assert_eq!(&batch[99], b"99");
    assert!(batch
        .iter()
        .zip(&texts)
        .all(|(one, text)| one.data() == text.as_bytes()));
    assert!(batch.iter().all(|one| one.tag() == 1 && !one.is_redelivered()));
    drop(batch);
    assert_eq!(consumer.pop_batch(1, ONCE).unwrap_err(), Error::WouldBlock);
}

#[test]
fn what_a_batch_does_not_release_is_popped_again() {
    let (mut producer, mut consumer) = pair(Options::new());
    for text in [b"0", b"1", b"2"] {
        producer.push(text, 0).unwrap();
    }
    let batch = consumer.pop_batch(8, None).unwrap();
    assert_eq!(batch.len(), 3);
    batch.release(1).unwrap();
    let batch = consumer.pop_batch(8, None).unwrap();
    assert_eq!((batch.len(), &batch[0]), (2, &b"1"[..]));
    assert_eq!(batch.release(3), Err(Error::Invalid));
    assert_eq!(&*consumer.try_pop().unwrap(), b"1");
    assert_eq!(&*consumer.try_pop().unwrap(), b"2");
}

#[test]
fn a_batch_is_extended() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"0", 0).unwrap();
    let mut batch = consumer.pop_batch(8, None).unwrap();
    assert_eq!(batch.more(8, ONCE), Err(Error::WouldBlock));
    for text in [b"1", b"2", b"3"] {
        producer.push(text, 0).unwrap();
    }
    assert_eq!(batch.more(2, None), Ok(2));
    assert_eq!(
        (&batch[0], &batch[1], &batch[2]),
        (&b"0"[..], &b"1"[..], &b"2"[..])
    );
    batch.release(2).unwrap();
    assert_eq!(&*consumer.try_pop().unwrap(), b"2");
}

#[test]
fn a_batch_of_none_is_invalid() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"", 0).unwrap();
    assert_eq!(consumer.pop_batch(0, ONCE).unwrap_err(), Error::Invalid);
    assert_eq!(consumer.pop_batch(usize::MAX, ONCE).unwrap().len(), 1);
    assert_eq!(producer.push_batch(&[], ONCE), Ok(0));
}

#[test]
fn a_leaked_message_fails_later_pops() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"one", 0).unwrap();
    producer.push(b"two", 0).unwrap();
    mem::forget(consumer.pop().unwrap());
    assert_eq!(consumer.pop().unwrap_err(), Error::Invalid);
    assert_eq!(consumer.pop_batch(2, None).unwrap_err(), Error::Invalid);
    assert_eq!(consumer.pop_into(&mut [0; 8], None), Err(Error::Invalid));
    drop(consumer);
    let fd = producer.dup_fd().unwrap();
    let mut consumer = Options::new().consumer_of(&fd).unwrap();
    let message = consumer.try_pop().unwrap();
    assert_eq!(&*message, b"one");
    assert!(message.is_redelivered());
}

#[test]
fn a_leaked_batch_fails_later_pops() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"one", 0).unwrap();
    mem::forget(consumer.pop_batch(8, None).unwrap());
    assert_eq!(consumer.pop_batch(8, None).unwrap_err(), Error::Invalid);
    assert_eq!(consumer.pop().unwrap_err(), Error::Invalid);
}

#[test]
fn a_leaked_slot_fails_later_pushes() {
    let (mut producer, mut consumer) = pair(Options::new());
    mem::forget(producer.start(8).unwrap());
    assert_eq!(producer.push(b"one", 0), Err(Error::Invalid));
    assert_eq!(producer.start(8).unwrap_err(), Error::Invalid);
    assert_eq!(
        producer.push_batch(&[Msg::new(b"", 0)], None),
        Err(Error::Invalid)
    );
    drop(producer);
    assert_eq!(consumer.pop().unwrap_err(), Error::Closed);
}

#[test]
fn a_full_ring_blocks_and_an_empty_one_too() {
    let (mut producer, mut consumer) = pair(Options::new().capacity(4096));
    while producer.try_push(&[0; 100], 0).is_ok() {}
    assert_eq!(producer.try_push(&[0; 100], 0), Err(Error::WouldBlock));
    let soon = Some(Duration::from_millis(1));
    assert_eq!(producer.push_timeout(&[0; 100], 0, soon), Err(Error::TimedOut));
    assert_eq!(producer.start_timeout(100, soon).unwrap_err(), Error::TimedOut);
    while consumer.try_pop().is_ok() {}
    assert_eq!(consumer.try_pop().unwrap_err(), Error::WouldBlock);
    assert_eq!(consumer.pop_timeout(soon).unwrap_err(), Error::TimedOut);
    assert_eq!(consumer.wait_peer(ONCE), Ok(()));
    assert_eq!(producer.wait_empty(ONCE), Ok(()));
}

#[test]
fn a_timeout_longer_than_the_clock_is_for_ever() {
    let (mut producer, mut consumer) = pair(Options::new());
    let popper = thread::spawn(move || consumer.pop_timeout(Some(Duration::MAX)).map(|m| m.len()));
    thread::sleep(Duration::from_millis(20));
    producer.push(b"late", 0).unwrap();
    assert_eq!(popper.join().unwrap(), Ok(4));
}

#[test]
fn a_closed_peer_ends_the_stream() {
    let (mut producer, mut consumer) = pair(Options::new());
    producer.push(b"last", 0).unwrap();
    producer.close().unwrap();
    assert_eq!(&*consumer.pop().unwrap(), b"last");
    assert_eq!(consumer.pop().unwrap_err(), Error::Closed);
    assert!(Error::Closed.is_peer_gone());
}

#[test]
fn handles_and_guards_go_to_other_threads() {
    let (mut producer, mut consumer) = pair(Options::new().capacity(4096));
    let pusher = thread::spawn(move || {
        for number in 0..10_000_u32 {
            let mut slot = producer.start(4).unwrap();
            slot.copy_from_slice(&number.to_ne_bytes());
            slot.commit(4, number).unwrap();
        }
    });
    for number in 0..10_000 {
        let message = consumer.pop_timeout(LONG).unwrap();
        assert_eq!(
            (&*message, message.tag()),
            (&u32::to_ne_bytes(number)[..], number)
        );
        if number % 1000 == 0 {
            thread::scope(|scope| {
                scope.spawn(move || message.release().unwrap());
            });
        }
    }
    pusher.join().unwrap();
}

#[test]
fn an_end_has_one_handle() {
    let name = Name::new();
    let options = Options::new().create(true);
    let _first = options.consumer(&name.0).unwrap();
    assert_eq!(options.consumer(&name.0).unwrap_err(), Error::Busy);
    assert_eq!(
        Options::new()
            .create(true)
            .exclusive(true)
            .producer(&name.0)
            .unwrap_err(),
        Error::Exists
    );
}

#[test]
fn names_are_checked() {
    let options = Options::new().create(true);
    assert_eq!(options.producer("no-slash").unwrap_err(), Error::Invalid);
    assert_eq!(options.producer("/nul\0").unwrap_err(), Error::Invalid);
    assert_eq!(
        Options::new().producer("/shmemq-test-rust-none").unwrap_err(),
        Error::NotFound
    );
    assert_eq!(shmemq::unlink("/shmemq-test-rust-none"), Err(Error::NotFound));
}

#[test]
fn what_is_no_queue_is_refused() {
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(Options::new().consumer_of(&file).is_err());
}

#[test]
fn errors_become_those_of_std() {
    for (error, kind) in [
        (Error::WouldBlock, io::ErrorKind::WouldBlock),
        (Error::TimedOut, io::ErrorKind::TimedOut),
        (Error::Closed, io::ErrorKind::BrokenPipe),
        (Error::Interrupted, io::ErrorKind::Interrupted),
        (Error::NotFound, io::ErrorKind::NotFound),
        (Error::Exists, io::ErrorKind::AlreadyExists),
        (Error::NotPermitted, io::ErrorKind::PermissionDenied),
        (Error::Invalid, io::ErrorKind::InvalidInput),
    ] {
        let converted = io::Error::from(error);
        assert_eq!(converted.kind(), kind);
        assert_eq!(converted.raw_os_error(), Some(error.errno()));
    }
    assert_eq!(Error::OwnerDied.to_string(), "the peer died without closing");
    assert!(Error::Os(28).to_string().contains("No space left"));
}

#[test]
fn the_library_has_a_version() {
    assert_eq!(shmemq::version().split('.').count(), 3);
}
