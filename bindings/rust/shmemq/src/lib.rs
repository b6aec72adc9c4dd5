// SPDX-License-Identifier: MIT
//! A message queue in shared memory between processes on one machine: libshmemq's functions as types that Rust checks.
//!
//! ```
//! use shmemq::{Error, Options};
//!
//! fn main() -> Result<(), Error> {
//!     let queue = Options::new().capacity(1 << 16).memfd()?;
//!     let mut producer = Options::new().producer_of(&queue)?;
//!     let mut consumer = Options::new().consumer_of(&queue)?;
//!
//!     producer.push(b"hello", 1)?;
//!     let message = consumer.pop()?;
//!     assert_eq!((&*message, message.tag()), (&b"hello"[..], 1));
//!     Ok(())
//! }
//! ```
//!
//! [`Options`] opens a queue by its name or by a descriptor. A [`Producer`] pushes copies, or builds a message in a
//! [`Slot`] of the ring. A [`Consumer`] takes messages in place: a [`Message`] is a guard, and dropping it removes the
//! message from the queue; a [`Batch`] has many. A [`Follower`] reads along, an [`Observer`] sees the state. A [`Set`]
//! waits for many handles, an [`Interrupter`] ends a wait from another thread.
//!
//! A timeout is an `Option<Duration>`: None waits for ever, zero tries once. shmemq(7) is the manual.
//!
//! # Threads
//!
//! A handle may be sent to another thread, and its guards, too. None is [`Sync`]: one thread at a time may use a
//! handle.
//!
//! # Trust
//!
//! A [`Message`], a [`Batch`] and a [`Slot`] are references to memory that other processes have mapped. As long as
//! these use the library, nothing changes it while the guard is there. A process that writes to the queue's memory by
//! other means breaks what Rust assumes of a reference. Between processes that do not trust each other copy each
//! message ([`Consumer::pop_into`], [`Producer::push`]).
//!
//! # Fork
//!
//! A handle belongs to the process that opened it. In a child made by fork(2), which Rust leaves to `unsafe` code, each
//! call fails with [`Error::NotPermitted`], dropping a handle frees the child's copy, and the memory of a guard is not
//! mapped: accessing it raises SIGSEGV.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

mod batch;
mod consumer;
mod error;
mod follower;
mod handle;
mod interrupter;
mod observer;
mod options;
mod producer;
mod set;
mod stat;

pub use batch::{Batch, Msg};
pub use consumer::{Consumer, Message};
pub use error::{Error, Result};
pub use follower::{Follower, Whence};
pub use interrupter::Interrupter;
pub use observer::Observer;
pub use options::{unlink, Options};
pub use producer::{Producer, Slot};
pub use set::{Any, Rejected, Set, Token, Watch};
pub use stat::{Attributes, End, Stat};

/// The version of the library that the program runs with, "MAJOR.MINOR.PATCH".
pub fn version() -> &'static str {
    // SAFETY: shmemq_version(3) returns a string that is never freed.
    let version = unsafe { std::ffi::CStr::from_ptr(shmemq_sys::shmemq_version()) };
    version.to_str().unwrap_or("")
}

/// Runs README.md's programs as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
