// SPDX-License-Identifier: MIT
//! Interrupters, descriptors and sets.

mod common;

use common::{pair, readable, watching, LONG, ONCE};
use shmemq::{Any, Consumer, Error, Options, Producer, Set, Token};
use std::os::unix::io::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{mem, panic, thread};

#[test]
fn an_interrupter_ends_a_wait() {
    let (_producer, mut consumer) = pair(Options::new());
    let interrupter = consumer.interrupter();
    let popper = thread::spawn(move || consumer.pop().map(|message| message.len()));
    interrupter.interrupt().unwrap(); // the current wait or the next
    assert_eq!(popper.join().unwrap(), Err(Error::Canceled));
}

#[test]
fn each_kind_of_handle_that_waits_is_interrupted() {
    let fd = Options::new().capacity(4096).memfd().unwrap();
    let mut producer = Options::new().producer_of(&fd).unwrap();
    let _consumer = Options::new().consumer_of(&fd).unwrap();
    let mut follower = Options::new().follower_of(&fd).unwrap();
    follower.interrupter().interrupt().unwrap();
    assert_eq!(follower.pop_into(&mut [0; 8], None), Err(Error::Canceled));
    while producer.try_push(&[0; 100], 0).is_ok() {}
    let interrupter = producer.interrupter();
    let copy = interrupter.clone();
    drop(interrupter);
    copy.interrupt().unwrap();
    assert_eq!(producer.push(&[0; 100], 0), Err(Error::Canceled));
    producer.interrupter().interrupt().unwrap();
    assert_eq!(producer.wait_empty(None), Err(Error::Canceled));
}

#[test]
fn an_interrupter_outlives_its_handle() {
    let (producer, consumer) = pair(Options::new());
    let fd = producer.dup_fd().unwrap();
    let interrupter = consumer.interrupter();
    drop(consumer);
    assert_eq!(interrupter.interrupt(), Err(Error::BadHandle));
    Options::new().consumer_of(&fd).unwrap(); // it does not keep the claim
}

#[test]
fn interrupters_and_closes_may_meet() {
    let fd = Options::new().memfd().unwrap();
    for _ in 0..200 {
        let consumer = Options::new().consumer_of(&fd).unwrap();
        let interrupter = consumer.interrupter();
        let end = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !end.load(Ordering::Relaxed) {
                        match interrupter.interrupt() {
                            Ok(()) => (),
                            Err(error) => assert_eq!(error, Error::BadHandle),
                        }
                    }
                });
            }
            thread::yield_now();
            drop(consumer);
            assert_eq!(interrupter.interrupt(), Err(Error::BadHandle));
            end.store(true, Ordering::Relaxed); // it tells nothing else
        });
    }
}

#[test]
fn a_descriptor_tells_of_a_message() {
    let (mut producer, mut consumer) = pair(Options::new());
    if watching(|| consumer.pollfd().map(|_| ())).is_none() {
        return;
    }
    assert!(readable(&consumer, 0)); // at first
    assert_eq!(consumer.try_pop().unwrap_err(), Error::WouldBlock);
    let pusher = thread::spawn(move || producer.push(b"hello", 0).map(|()| producer));
    loop {
        assert!(readable(&consumer, 60_000));
        match consumer.try_pop() {
            Ok(message) => break assert_eq!(&*message, b"hello"),
            Err(error) => assert_eq!(error, Error::WouldBlock),
        }
    }
    pusher.join().unwrap().unwrap();
}

#[test]
fn a_descriptor_is_the_same_each_time() {
    let (producer, consumer) = pair(Options::new());
    if watching(|| producer.pollfd().map(|_| ())).is_none()
        || watching(|| consumer.pollfd().map(|_| ())).is_none()
    {
        return;
    }
    assert_eq!(consumer.as_raw_fd(), consumer.pollfd().unwrap().as_raw_fd());
    assert_ne!(consumer.as_raw_fd(), producer.as_fd().as_raw_fd());
}

#[test]
fn a_copy_of_a_descriptor_outlives_the_handle() {
    let (mut producer, consumer) = pair(Options::new());
    if watching(|| consumer.pollfd().map(|_| ())).is_none() {
        return;
    }
    let copy = consumer.pollfd().unwrap().try_clone_to_owned().unwrap();
    drop(consumer);
    readable(&copy, 0); // whatever it says
    producer.try_push(b"", 0).unwrap();
}

#[test]
fn a_handle_may_be_dropped_while_its_descriptor_is_polled() {
    let (mut producer, consumer) = pair(Options::new());
    if watching(|| consumer.pollfd().map(|_| ())).is_none() {
        return;
    }
    let raw = consumer.as_raw_fd();
    let copy = consumer.pollfd().unwrap().try_clone_to_owned().unwrap();
    assert!(raw > 2);
    let poller = thread::spawn(move || readable(&copy, 50));
    drop(consumer);
    poller.join().unwrap();
    producer.try_push(b"", 0).unwrap();
}

type Watched = (Vec<Producer>, Set<Consumer>, Vec<Token>);

/// Producers, and a set of their consumers. None as of watching().
fn set_of(count: usize) -> Option<Watched> {
    let mut set = watching(Set::new)?;
    let (mut producers, mut tokens) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (producer, consumer) = pair(Options::new());
        producers.push(producer);
        tokens.push(set.add(consumer).unwrap());
    }
    Some((producers, set, tokens))
}

/// Tries each handle that is ready, until none is: what was popped.
fn drain(set: &mut Set<Consumer>) -> Vec<Vec<u8>> {
    let (mut ready, mut popped) = (Vec::new(), Vec::new());
    while set.wait(&mut ready, ONCE).is_ok() {
        for token in &ready {
            let consumer = set.get_mut(*token).unwrap();
            while let Ok(message) = consumer.try_pop() {
                popped.push(message.to_vec());
            }
        }
    }
    popped
}

#[test]
fn a_set_tells_which_handle_is_ready() {
    let (mut producers, mut set, tokens) = match set_of(3) {
        Some(watched) => watched,
        None => return,
    };
    assert_eq!(drain(&mut set), [[0u8; 0]; 0]);
    producers[1].push(b"hello", 0).unwrap();
    let mut ready = Vec::new();
    while !ready.contains(&tokens[1]) {
        set.wait(&mut ready, LONG).unwrap();
        for token in ready.iter().filter(|token| **token != tokens[1]) {
            // A handle may be ready for nothing.
            let consumer = set.get_mut(*token).unwrap();
            assert_eq!(consumer.try_pop().unwrap_err(), Error::WouldBlock);
        }
    }
    assert!(readable(&set, 0));
    assert_eq!(drain(&mut set), [b"hello"]);
}

#[test]
fn a_set_has_handles_of_several_kinds() {
    let (producer, mut consumer) = pair(Options::new());
    let mut set: Set<Any> = match watching(Set::new) {
        Some(set) => set,
        None => return,
    };
    let token = set.add(producer.into()).unwrap();
    match set.get_mut(token) {
        Some(Any::Producer(producer)) => producer.push(b"x", 0).unwrap(),
        other => panic!("{other:?}"),
    }
    assert_eq!(&*consumer.try_pop().unwrap(), b"x");
    set.add(consumer.into()).unwrap();
    assert_eq!(set.len(), 2);
}

#[test]
fn a_handle_leaves_a_set() {
    let (mut producers, mut set, tokens) = match set_of(2) {
        Some(watched) => watched,
        None => return,
    };
    let mut consumer = set.remove(tokens[0]).unwrap();
    assert!(set.get_mut(tokens[0]).is_none());
    assert_eq!(set.remove(tokens[0]).unwrap_err(), Error::NotFound);
    producers[0].push(b"x", 0).unwrap();
    assert_eq!(&*consumer.try_pop().unwrap(), b"x");
    let token = set.add(consumer).unwrap();
    assert!(!tokens.contains(&token));
}

#[test]
fn a_set_returns_a_handle_that_has_a_descriptor() {
    let (mut producer, consumer) = pair(Options::new());
    if watching(|| consumer.pollfd().map(|_| ())).is_none() {
        return;
    }
    let mut set = match watching(Set::new) {
        Some(set) => set,
        None => return,
    };
    let rejected = set.add(consumer).unwrap_err();
    assert_eq!(rejected.error, Error::Busy);
    let mut consumer = rejected.handle;
    producer.push(b"x", 0).unwrap();
    assert_eq!(&*consumer.try_pop().unwrap(), b"x");
    assert!(set.is_empty());
}

#[test]
fn a_handle_in_a_set_has_no_descriptor() {
    let (_producers, mut set, tokens) = match set_of(1) {
        Some(watched) => watched,
        None => return,
    };
    assert_eq!(set.get_mut(tokens[0]).unwrap().pollfd().unwrap_err(), Error::Busy);
}

#[test]
fn a_set_that_a_handle_was_taken_out_of_refuses_all() {
    let (mut producers, mut set, tokens) = match set_of(2) {
        Some(watched) => watched,
        None => return,
    };
    let (_other, mut outside) = pair(Options::new());
    mem::swap(set.get_mut(tokens[0]).unwrap(), &mut outside);
    producers[0].push(b"x", 0).unwrap();
    // What was taken out works, in another thread, too.
    thread::spawn(move || assert_eq!(&*outside.try_pop().unwrap(), b"x"));
    let mut refused = |f: &dyn Fn(&mut Set<Consumer>)| {
        assert!(panic::catch_unwind(panic::AssertUnwindSafe(|| f(&mut set))).is_err());
    };
    refused(&|set| _ = set.wait(&mut Vec::new(), ONCE));
    refused(&|set| _ = set.get_mut(tokens[1]));
    refused(&|set| _ = set.remove(tokens[1]));
    refused(&|set| _ = set.pollfd());
    refused(&|set| _ = set.add(pair(Options::new()).1));
    drop(set);
}

#[test]
fn a_set_that_a_handle_was_put_back_into_goes_on() {
    let (mut producers, mut set, tokens) = match set_of(1) {
        Some(watched) => watched,
        None => return,
    };
    let (_other, mut outside) = pair(Options::new());
    let inside = set.get_mut(tokens[0]).unwrap();
    mem::swap(inside, &mut outside);
    mem::swap(inside, &mut outside);
    drain(&mut set);
    producers[0].push(b"x", 0).unwrap();
    assert_eq!(drain(&mut set), [b"x"]);
}

#[test]
fn a_set_goes_to_another_thread() {
    let (mut producers, mut set, _tokens) = match set_of(2) {
        Some(watched) => watched,
        None => return,
    };
    drain(&mut set);
    let popper = thread::spawn(move || {
        let (mut ready, mut popped) = (Vec::new(), Vec::new());
        while popped.is_empty() {
            set.wait(&mut ready, LONG).unwrap();
            popped = drain(&mut set);
        }
        popped
    });
    producers[1].push(b"x", 0).unwrap();
    assert_eq!(popper.join().unwrap(), [b"x"]);
}
