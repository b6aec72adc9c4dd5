// SPDX-License-Identifier: MIT
//! How a queue is made and opened.

use crate::error::{Error, Result};
use crate::handle::{check, Handle};
use crate::{Consumer, Follower, Observer, Producer};
use shmemq_sys as ffi;
use std::ffi::{CString, OsStr};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// How to open a queue, and the attributes of one that is made: shmemq_open(3).
///
/// ```
/// let options = shmemq::Options::new().create(true).capacity(1 << 16).user(b"schema 2");
/// # let name = &format!("/shmemq-rust-doc-{}-options", std::process::id());
/// let producer = options.producer(name)?;
/// assert_eq!(&producer.attributes()?.user[..9], b"schema 2\0");
/// # shmemq::unlink(name)?;
/// # Ok::<(), shmemq::Error>(())
/// ```
#[derive(Clone)]
pub struct Options {
    flags: u32,
    mode: u32,
    attr: ffi::shmemq_attr,
}

/// Makes methods of the flags.
macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident $to:ident.$field:tt $flag:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, on: bool) -> Options {
            let $to = &mut self;
            if on {
                flags!(@ $to $field) |= ffi::$flag;
            } else {
                flags!(@ $to $field) &= !ffi::$flag;
            }
            self
        })*
    };
    (@ $to:ident open) => { $to.flags };
    (@ $to:ident attr) => { $to.attr.flags };
}

impl Options {
    /// Opens what exists. Of a queue that is made: mode 0600, and defaults in all attributes.
    pub fn new() -> Options {
        Options {
            flags: 0,
            mode: 0o600,
            attr: ffi::shmemq_attr {
                capacity: 0,
                capacity_max: 0,
                message_max: 0,
                messages_max: 0,
                alignment: 0,
                flags: 0,
                reserved: [0; 9],
                id: 0,
                user: [0; 64],
            },
        }
    }

    flags! {
        /// Whether to make the queue if the name does not exist.
        create to.open SHMEMQ_CREATE;
        /// With `create`: whether to fail with [`Error::Exists`] if the name exists.
        exclusive to.open SHMEMQ_EXCL;
        /// Whether to wait for the next peer when the peer has closed or died.
        stay to.open SHMEMQ_STAY;
        /// Whether this end may have many handles, all opened so.
        shared to.open SHMEMQ_SHARED;
        /// Whether to map all of the ring at once, so that no later call takes a page fault.
        prefault to.open SHMEMQ_PREFAULT;
        /// Whether a call that waits is to sleep at once.
        no_spin to.open SHMEMQ_NOSPIN;
        /// Attribute: whether each of up to 64 consumers gets every message.
        broadcast to.attr SHMEMQ_ATTR_BROADCAST;
        /// Attribute: whether closing the last handle that claims an end removes the name.
        temporary to.attr SHMEMQ_ATTR_TEMPORARY;
    }

    /// The permissions of a queue that is made, less the umask.
    pub fn mode(mut self, mode: u32) -> Options {
        self.mode = mode;
        self
    }

    /// Attribute: bytes of the ring; 0: 1 MiB.
    pub fn capacity(mut self, bytes: u64) -> Options {
        self.attr.capacity = bytes;
        self
    }

    /// Attribute: bytes to which the queue may grow when the ring is full; 0: it does not.
    pub fn capacity_max(mut self, bytes: u64) -> Options {
        self.attr.capacity_max = bytes;
        self
    }

    /// Attribute: messages that may be queued; 0: as many as the ring has space for.
    pub fn messages_max(mut self, messages: u32) -> Options {
        self.attr.messages_max = messages;
        self
    }

    /// Attribute: of every message's first byte, a power of two from 8 to 4096; 0: 8.
    pub fn alignment(mut self, bytes: u32) -> Options {
        self.attr.alignment = bytes;
        self
    }

    /// Attribute: up to 64 bytes of the creator's own, such as the version of a schema; zeros follow.
    ///
    /// # Panics
    ///
    /// If there are more than 64 bytes.
    pub fn user(mut self, bytes: &[u8]) -> Options {
        self.attr.user = [0; 64];
        self.attr.user[..bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Makes a queue without a name. The descriptor is close-on-exec: shmemq_memfd(3).
    pub fn memfd(&self) -> Result<OwnedFd> {
        // SAFETY: shmemq_memfd(3) reads the attributes; the descriptor is the caller's, who closes it.
        unsafe {
            let fd = check(ffi::shmemq_memfd(&self.attr))?;
            Ok(OwnedFd::from_raw_fd(fd))
        }
    }

    fn open(&self, name: &OsStr, end: u32) -> Result<Handle> {
        let name = CString::new(name.as_bytes()).map_err(|_| Error::Invalid)?;
        // SAFETY: shmemq_open(3) reads the name, which ends with a NUL, and the attributes.
        Handle::new(unsafe { ffi::shmemq_open(name.as_ptr(), self.flags | end, self.mode, &self.attr) })
    }

    fn fdopen(&self, fd: &impl AsFd, end: u32) -> Result<Handle> {
        let fd = fd.as_fd().as_raw_fd();
        // SAFETY: shmemq_memfd(3): shmemq_fdopen() does not keep `fd`, which remains the caller's.
        Handle::new(unsafe { ffi::shmemq_fdopen(fd, self.flags | end) })
    }

    /// Opens the queue `name`, which begins with a slash, and claims the producer end.
    pub fn producer(&self, name: impl AsRef<OsStr>) -> Result<Producer> {
        self.open(name.as_ref(), ffi::SHMEMQ_PRODUCER).map(Producer::new)
    }

    /// Opens the queue `name` and claims the consumer end.
    pub fn consumer(&self, name: impl AsRef<OsStr>) -> Result<Consumer> {
        self.open(name.as_ref(), ffi::SHMEMQ_CONSUMER).map(Consumer::new)
    }

    /// Opens the queue `name` and claims no end, to read copies of what is pushed.
    pub fn follower(&self, name: impl AsRef<OsStr>) -> Result<Follower> {
        self.open(name.as_ref(), ffi::SHMEMQ_FOLLOWER).map(Follower::new)
    }

    /// Opens the queue `name` and claims no end, to see its state.
    pub fn observer(&self, name: impl AsRef<OsStr>) -> Result<Observer> {
        self.open(name.as_ref(), ffi::SHMEMQ_OBSERVER).map(Observer::new)
    }

    /// Claims the producer end of the queue that `fd` refers to. `fd` remains the caller's, and may be closed at once.
    pub fn producer_of(&self, fd: impl AsFd) -> Result<Producer> {
        self.fdopen(&fd, ffi::SHMEMQ_PRODUCER).map(Producer::new)
    }

    /// Claims the consumer end of the queue that `fd` refers to.
    pub fn consumer_of(&self, fd: impl AsFd) -> Result<Consumer> {
        self.fdopen(&fd, ffi::SHMEMQ_CONSUMER).map(Consumer::new)
    }

    /// Follows the queue that `fd` refers to.
    pub fn follower_of(&self, fd: impl AsFd) -> Result<Follower> {
        self.fdopen(&fd, ffi::SHMEMQ_FOLLOWER).map(Follower::new)
    }

    /// Observes the queue that `fd` refers to.
    pub fn observer_of(&self, fd: impl AsFd) -> Result<Observer> {
        self.fdopen(&fd, ffi::SHMEMQ_OBSERVER).map(Observer::new)
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("flags", &self.flags)
            .field("mode", &self.mode)
            .field("attr", &self.attr)
            .finish()
    }
}

/// Removes the name of a queue: shmemq_unlink(3). Open handles keep working.
pub fn unlink(name: impl AsRef<OsStr>) -> Result<()> {
    let name = CString::new(name.as_ref().as_bytes()).map_err(|_| Error::Invalid)?;
    // SAFETY: shmemq_unlink(3) reads the name, which ends with a NUL.
    check(unsafe { ffi::shmemq_unlink(name.as_ptr()) })?;
    Ok(())
}
