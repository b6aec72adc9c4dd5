// SPDX-License-Identifier: MIT
//! What the tests share.
#![allow(dead_code)] // each test program uses a part

use shmemq::{Consumer, Options, Producer};
use std::io::{BufRead, BufReader};
use std::os::raw::{c_int, c_short, c_ulong};
use std::os::unix::io::{AsFd, AsRawFd};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, process, thread};

/// A name that no other queue has. Removed with it.
pub struct Name(pub String);

impl Name {
    pub fn new() -> Name {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed); // a counter, and nothing else
        Name(format!("/shmemq-test-rust-{}-{number}", process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = shmemq::unlink(&self.0);
    }
}

/// Both ends of a queue without a name.
pub fn pair(options: Options) -> (Producer, Consumer) {
    let fd = options.memfd().unwrap();
    let producer = Options::new().producer_of(&fd).unwrap();
    let consumer = Options::new().consumer_of(&fd).unwrap();
    (producer, consumer)
}

pub const ONCE: Option<Duration> = Some(Duration::ZERO);

/// As long as a test waits for what has to come.
pub const LONG: Option<Duration> = Some(Duration::from_secs(60));

/// Another process that runs `part` of tests/death.rs, and has said "ready".
pub fn start(part: &str, name: &Name) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "peer", "--nocapture"])
        .env("SHMEMQ_TEST_PEER", part)
        .env("SHMEMQ_TEST_QUEUE", &name.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "{part} has ended");
    }
    child.stdout = Some(output.into_inner()); // so that the other process can go on writing
    child
}

/// What `f` makes, which takes an inotify instance. Users have 128: if others have them all, and none is given back for
/// five seconds, None.
pub fn watching<T>(mut f: impl FnMut() -> shmemq::Result<T>) -> Option<T> {
    const EMFILE: i32 = 24;
    for _ in 0..50 {
        match f() {
            Err(shmemq::Error::Os(EMFILE)) => thread::sleep(Duration::from_millis(100)),
            other => return Some(other.unwrap()),
        }
    }
    eprintln!("left out: no inotify instance is left");
    None
}

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

extern "C" {
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    pub fn fork() -> c_int;
    pub fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    pub fn _exit(status: c_int) -> !;
}

/// Whether the descriptor is readable within so many milliseconds; -1: for ever.
pub fn readable(fd: impl AsFd, milliseconds: c_int) -> bool {
    let mut one = PollFd {
        fd: fd.as_fd().as_raw_fd(),
        events: 1, // POLLIN
        revents: 0,
    };
    // SAFETY: poll(2) reads and writes one structure.
    unsafe { poll(&mut one, 1, milliseconds) == 1 && one.revents == 1 }
}

/// The status with which a forked child ends, in which `f` has run.
pub fn in_child(f: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: fork(2) in a program with threads: the child calls what needs no lock that another thread may hold, and
    // ends by _exit(2).
    unsafe {
        let pid = fork();
        if pid == 0 {
            _exit(f());
        }
        let mut status = -1;
        assert_eq!(waitpid(pid, &mut status, 0), pid);
        status
    }
}
