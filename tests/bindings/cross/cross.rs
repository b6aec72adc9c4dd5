// SPDX-License-Identifier: MIT
//! cross.c in Rust.

use shmemq::{Consumer, Error, Options, Producer};
use std::io::Write;
use std::os::unix::io::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, error, io};

struct Run {
    seed: u64,
    count: u64,
    stop: u64,
    broadcast: bool,
}

fn next(word: u64) -> u64 {
    word.wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407)
}

impl Run {
    fn make(&self, n: u64) -> Vec<u8> {
        let mut word = next(next(self.seed.wrapping_mul(0x9e3779b97f4a7c15).wrapping_add(n)));
        let size = (word >> 40) % if word >> 56 != 0 { 160 } else { 6000 };
        (0..size)
            .map(|i| {
                if i % 8 == 0 {
                    word = next(word);
                }
                (word >> (i % 8 * 8)) as u8
            })
            .collect()
    }

    fn produce(&self, mut q: Producer) -> Result<(), Error> {
        for n in q.stat()?.producer_mark..self.count {
            let bytes = self.make(n);
            q.set_mark(n + 1)?;
            if n % 2 == 0 && n != self.stop {
                q.push(&bytes, n as u32)?;
                continue;
            }
            let mut slot = q.start(bytes.len())?;
            slot.copy_from_slice(&bytes);
            if n == self.stop {
                die();
            }
            slot.commit(bytes.len(), n as u32)?;
        }
        q.close()
    }

    fn consume(&self, mut q: Consumer) -> Result<(), Box<dyn error::Error>> {
        let mut out = io::stdout();
        writeln!(out, "open")?;
        for n in q.stat()?.consumer_mark..self.count {
            let mut message = q.pop()?;
            if u64::from(message.tag()) != n || message[..] != self.make(n)[..] {
                return Err(format!("message {}: got {:?}", n, message).into());
            }
            let repeated = if message.is_redelivered() { " R" } else { "" };
            out.write_all(format!("{}{}\n", n, repeated).as_bytes())?;
            if n == self.stop {
                die();
            }
            if !self.broadcast {
                message.set_mark(n + 1)?;
            }
            message.release()?;
        }
        Ok(q.close()?)
    }
}

fn die() {
    let _ = Command::new("sh").args(["-c", "kill -KILL $PPID"]).status();
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let mut options = Options::new().capacity(65536);
    if args[0] == "start" {
        return Err(Command::new(&args[1])
            .args(&args[2..])
            .stdin(options.memfd()?)
            .exec()
            .into());
    }
    let run = Run {
        seed: args[3].parse()?,
        count: args[4].parse()?,
        stop: args.get(5).map_or(Ok(u64::MAX), |n| n.parse())?,
        broadcast: args[1] == "broadcast",
    };
    options = options.stay(true);
    if args[1] == "memfd" {
        // SAFETY: the descriptor was inherited for this, and nothing else uses it.
        let fd = unsafe { OwnedFd::from_raw_fd(args[2].parse()?) };
        if args[0] == "producer" {
            return Ok(run.produce(options.producer_of(&fd)?)?);
        }
        return run.consume(options.consumer_of(&fd)?);
    }
    options = options.create(true).broadcast(run.broadcast);
    if args[0] == "producer" {
        return Ok(run.produce(options.producer(&args[2])?)?);
    }
    run.consume(options.consumer(&args[2])?)
}
