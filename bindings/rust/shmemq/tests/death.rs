// SPDX-License-Identifier: MIT
//! Peers that are killed, and forked children.

mod common;

use common::{in_child, pair, start, Name, LONG, ONCE};
use shmemq::{End, Error, Options};
use std::{env, process, thread, time::Duration};

/// Not a test by itself: what the other process of the tests does, until it is killed.
#[test]
fn peer() {
    let (part, name) = match (env::var("SHMEMQ_TEST_PEER"), env::var("SHMEMQ_TEST_QUEUE")) {
        (Ok(part), Ok(name)) => (part, name),
        _ => return,
    };
    let sleep = || {
        println!("ready");
        thread::sleep(Duration::from_secs(120));
        process::exit(1);
    };
    match &part[..] {
        "hold" => {
            let mut consumer = Options::new().consumer(&name).unwrap();
            let _message = consumer.pop().unwrap();
            sleep();
        }
        "hold a batch" => {
            let mut consumer = Options::new().consumer(&name).unwrap();
            let _batch = consumer.pop_batch(8, None).unwrap();
            sleep();
        }
        "start" => {
            let mut producer = Options::new().producer(&name).unwrap();
            producer.push(b"pushed", 0).unwrap();
            let mut slot = producer.start(8).unwrap();
            slot.fill(0xff);
            sleep();
        }
        "echo" => {
            let mut consumer = Options::new().consumer(&name).unwrap();
            let back = Options::new().create(true).producer(format!("{name}-back"));
            let mut producer = back.unwrap();
            println!("ready");
            while let Ok(message) = consumer.pop() {
                producer.push(&message, message.tag()).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_message_is_popped_again_after_its_holder_was_killed() {
    let name = Name::new();
    let mut producer = Options::new().create(true).producer(&name.0).unwrap();
    producer.push(b"held", 3).unwrap();
    let mut child = start("hold", &name);
    assert_eq!(Options::new().consumer(&name.0).unwrap_err(), Error::Busy);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(producer.stat().unwrap().consumer, End::Dead);
    let mut consumer = Options::new().consumer(&name.0).unwrap();
    let message = consumer.try_pop().unwrap();
    assert_eq!((&*message, message.tag()), (&b"held"[..], 3));
    assert!(message.is_redelivered());
}

#[test]
fn a_batch_is_popped_again_after_its_holder_was_killed() {
    let name = Name::new();
    let mut producer = Options::new().create(true).producer(&name.0).unwrap();
    producer.push(b"1", 0).unwrap();
    producer.push(b"2", 0).unwrap();
    let mut child = start("hold a batch", &name);
    producer.push(b"3", 0).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut consumer = Options::new().consumer(&name.0).unwrap();
    let batch = consumer.pop_batch(8, ONCE).unwrap();
    let again: Vec<bool> = batch.iter().map(|one| one.is_redelivered()).collect();
    assert_eq!(again, [true, true, false]);
}

#[test]
fn a_consumer_is_told_that_the_producer_was_killed() {
    let name = Name::new();
    let mut consumer = Options::new().create(true).consumer(&name.0).unwrap();
    let mut child = start("start", &name);
    assert_eq!(&*consumer.pop_timeout(LONG).unwrap(), b"pushed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(consumer.pop_timeout(LONG).unwrap_err(), Error::OwnerDied); // not what was only started
    assert!(Error::OwnerDied.is_peer_gone());
    let mut producer = Options::new().producer(&name.0).unwrap();
    producer.push(b"next", 0).unwrap();
    assert_eq!(&*consumer.try_pop().unwrap(), b"next");
}

#[test]
fn a_producer_is_told_that_the_consumer_was_killed() {
    let name = Name::new();
    let mut producer = Options::new()
        .create(true)
        .capacity(4096)
        .producer(&name.0)
        .unwrap();
    producer.push(b"first", 0).unwrap();
    let mut child = start("hold", &name);
    while producer.try_push(&[0; 100], 0).is_ok() {}
    let waiter = thread::spawn(move || producer.push_timeout(&[0; 100], 0, LONG));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(waiter.join().unwrap(), Err(Error::OwnerDied));
}

#[test]
fn messages_go_to_another_process_and_back() {
    let name = Name::new();
    let mut producer = Options::new().create(true).producer(&name.0).unwrap();
    let mut child = start("echo", &name);
    let back = Name(format!("{}-back", name.0));
    let mut consumer = Options::new().consumer(&back.0).unwrap();
    for tag in 0..1000 {
        let text = vec![b'x'; tag as usize];
        producer.push(&text, tag).unwrap();
        let message = consumer.pop_timeout(LONG).unwrap();
        assert_eq!((&*message, message.tag()), (&text[..], tag));
    }
    drop(producer);
    assert!(child.wait().unwrap().success());
    assert_eq!(consumer.pop_timeout(LONG).unwrap_err(), Error::Closed);
}

#[test]
fn a_handle_is_the_parents_after_a_fork() {
    let (mut producer, mut consumer) = pair(Options::new());
    let interrupter = consumer.interrupter();
    producer.push(b"1", 0).unwrap();
    let message = consumer.pop().unwrap();
    let status = in_child(|| {
        let mut failures = 0;
        let mut expect = |right: bool| failures += i32::from(!right);
        expect(message.release() == Err(Error::NotPermitted));
        expect(interrupter.interrupt() == Err(Error::NotPermitted));
        expect(producer.try_push(b"2", 0) == Err(Error::NotPermitted));
        expect(matches!(producer.try_start(1), Err(Error::NotPermitted)));
        expect(matches!(producer.pollfd(), Err(Error::NotPermitted)));
        expect(matches!(producer.stat(), Err(Error::NotPermitted)));
        drop(producer);
        failures
    });
    assert_eq!(status, 0);
}

#[test]
fn a_drop_in_a_child_leaves_the_parents_claim() {
    let name = Name::new();
    let mut producer = Options::new().create(true).producer(&name.0).unwrap();
    let status = in_child(|| {
        // SAFETY: the child ends without using `producer` again.
        drop(unsafe { std::ptr::read(&producer) });
        0
    });
    assert_eq!(status, 0);
    assert_eq!(Options::new().producer(&name.0).unwrap_err(), Error::Busy);
    producer.push(b"parent", 0).unwrap();
}
