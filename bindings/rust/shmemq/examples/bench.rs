// SPDX-License-Identifier: MIT
//! Measures the queue beside std's channel and a pair of Unix sockets, between two threads of one process: messages a
//! second, and a round trip. Each figure is the median of several rounds, which the three take in turn.
//!
//! cargo run --release --example bench [ROUNDS [MESSAGES]]

use shmemq::{Consumer, Options, Producer};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::time::Instant;
use std::{env, thread};

/// A way from one thread to the other.
trait Sender: Send + 'static {
    fn send(&mut self, data: &[u8]);
}

trait Taker: Send + 'static {
    /// The first byte of the next message.
    fn take(&mut self) -> u8;
}

impl Sender for Producer {
    fn send(&mut self, data: &[u8]) {
        self.push(data, 0).unwrap();
    }
}

impl Taker for Consumer {
    fn take(&mut self) -> u8 {
        self.pop().unwrap()[0]
    }
}

impl Sender for SyncSender<Vec<u8>> {
    fn send(&mut self, data: &[u8]) {
        SyncSender::send(self, data.to_vec()).unwrap();
    }
}

impl Taker for Receiver<Vec<u8>> {
    fn take(&mut self) -> u8 {
        self.recv().unwrap()[0]
    }
}

struct Socket(UnixDatagram, Vec<u8>);

impl Sender for Socket {
    fn send(&mut self, data: &[u8]) {
        self.0.send(data).unwrap();
    }
}

impl Taker for Socket {
    fn take(&mut self) -> u8 {
        self.0.recv(&mut self.1).unwrap();
        self.1[0]
    }
}

fn queue() -> (Producer, Consumer) {
    let fd = Options::new().memfd().unwrap();
    let producer = Options::new().producer_of(&fd).unwrap();
    (producer, Options::new().consumer_of(&fd).unwrap())
}

fn channel() -> (SyncSender<Vec<u8>>, Receiver<Vec<u8>>) {
    sync_channel(1024)
}

fn sockets() -> (Socket, Socket) {
    let (one, other) = UnixDatagram::pair().unwrap();
    (Socket(one, Vec::new()), Socket(other, vec![0; 65536]))
}

/// Millions of messages a second.
fn rate<S: Sender, T: Taker>((mut sender, mut taker): (S, T), size: usize, count: usize) -> f64 {
    let data = vec![1; size];
    let start = Instant::now();
    let other = thread::spawn(move || (0..count).for_each(|_| sender.send(&data)));
    let sum: usize = (0..count).map(|_| usize::from(taker.take())).sum();
    let seconds = start.elapsed().as_secs_f64();
    other.join().unwrap();
    assert_eq!(sum, count);
    count as f64 / seconds / 1e6
}

/// Microseconds there and back, 64 bytes each way.
fn round_trip<S: Sender, T: Taker>(there: (S, T), back: (S, T), count: usize) -> f64 {
    let ((mut ping, mut far_taker), (mut far_sender, mut pong)) = (there, back);
    let data = [1; 64];
    let other = thread::spawn(move || {
        for _ in 0..count {
            far_taker.take();
            far_sender.send(&data);
        }
    });
    let start = Instant::now();
    for _ in 0..count {
        ping.send(&data);
        pong.take();
    }
    let seconds = start.elapsed().as_secs_f64();
    other.join().unwrap();
    seconds / count as f64 * 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints a line of medians, the queue's first, and how they compare with it.
fn report(what: &str, rounds: usize, measure: [&dyn Fn() -> f64; 3]) {
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (values, one) in all.iter_mut().zip(measure) {
            values.push(one());
        }
    }
    let [queue, channel, socket] = all.map(median);
    println!(
        "{what:<24}{queue:>10.3}{channel:>10.3} ({:.2}x){socket:>10.3} ({:.2}x)",
        channel / queue,
        socket / queue
    );
}

fn main() {
    let mut numbers = env::args().skip(1).map(|word| word.parse().expect("a number"));
    let rounds = numbers.next().unwrap_or(5);
    let count = numbers.next().unwrap_or(500_000);
    println!("{:<24}{:>10}{:>18}{:>18}", "", "shmemq", "mpsc", "socketpair");
    for size in [64, 1024] {
        report(
            &format!("{size} B, M messages/s"),
            rounds,
            [
                &|| rate(queue(), size, count),
                &|| rate(channel(), size, count),
                &|| rate(sockets(), size, count),
            ],
        );
    }
    let trips = count / 10 + 1;
    report(
        "64 B, us there and back",
        rounds,
        [
            &|| round_trip(queue(), queue(), trips),
            &|| round_trip(channel(), channel(), trips),
            &|| {
                let ((a, b), (c, d)) = (sockets(), sockets());
                round_trip((a, b), (c, d), trips)
            },
        ],
    );
}
