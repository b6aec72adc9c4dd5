// SPDX-License-Identifier: MIT
//! Prints the messages of several queues, which need not exist yet, until their producers have closed: poll /NAME...
//!
//! It waits with poll(2). The standard library has no such call, so this program declares it.

use shmemq::{Consumer, Error, Options};
use std::os::raw::{c_int, c_short, c_ulong};
use std::os::unix::io::AsRawFd;
use std::{env, io};

const POLLIN: c_short = 1;

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

extern "C" {
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
}

/// Waits until a descriptor is readable.
fn wait(fds: &mut [PollFd]) -> io::Result<()> {
    // SAFETY: poll(2) reads and writes as many structures as there are.
    let result = unsafe { poll(fds.as_mut_ptr(), fds.len() as c_ulong, -1) };
    match io::Error::last_os_error() {
        error if result < 0 && error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Prints what is queued. Whether there may be more later.
fn drain(name: &str, consumer: &mut Consumer) -> Result<bool, Error> {
    loop {
        match consumer.try_pop() {
            Ok(message) => println!("{name}: {}", String::from_utf8_lossy(&message)),
            Err(Error::WouldBlock) => return Ok(true),
            Err(error) if error.is_peer_gone() => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn main() -> io::Result<()> {
    let mut queues = Vec::new();
    for name in env::args().skip(1) {
        let consumer = Options::new().create(true).consumer(&name)?;
        queues.push((name, consumer));
    }
    while !queues.is_empty() {
        let mut fds = Vec::new();
        for (_, consumer) in &queues {
            let fd = consumer.pollfd()?.as_raw_fd();
            fds.push(PollFd {
                fd,
                events: POLLIN,
                revents: 0,
            });
        }
        wait(&mut fds)?;
        for index in (0..queues.len()).rev() {
            let (name, consumer) = &mut queues[index];
            if fds[index].revents != 0 && !drain(name, consumer)? {
                shmemq::unlink(&*name)?;
                queues.remove(index);
            }
        }
    }
    Ok(())
}
