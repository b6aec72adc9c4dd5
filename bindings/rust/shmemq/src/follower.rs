// SPDX-License-Identifier: MIT
//! Reads what is pushed, and holds nobody up.

use crate::error::Result;
use crate::handle::{check, common, waits, Handle};
use shmemq_sys as ffi;
use std::os::raw::c_int;
use std::time::Duration;

/// A reader that claims no end, and gets copies of the messages: FOLLOWERS in shmemq(7).
pub struct Follower {
    pub(crate) handle: Handle,
}

common!(Follower);
waits!(Follower);

/// Where [`Follower::seek`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whence {
    /// Before the next push, as a new follower does.
    Newest,
    /// Before the first message that the consumer has not popped.
    Queued,
    /// Before the oldest message that has not been overwritten.
    Oldest,
}

impl Follower {
    pub(crate) fn new(handle: Handle) -> Follower {
        Follower { handle }
    }

    /// Copies the next message into `buffer`. Returns its size and its tag. Waits while there is none; None: for ever.
    ///
    /// Fails once with [`Error::Overtaken`](crate::Error::Overtaken) if messages have been overwritten before they were
    /// read, and with [`Error::TooLarge`](crate::Error::TooLarge) if the message does not fit: then the next call
    /// returns the same one. [`Attributes::message_max`](crate::Attributes::message_max) bytes are always enough.
    pub fn pop_into(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> Result<(usize, u32)> {
        self.handle.pop_into(buffer, timeout)
    }

    /// Moves. Returns how many messages were passed over since the last pop.
    pub fn seek(&mut self, whence: Whence) -> Result<u64> {
        let whence = match whence {
            Whence::Newest => ffi::SHMEMQ_NEWEST,
            Whence::Queued => ffi::SHMEMQ_QUEUED,
            Whence::Oldest => ffi::SHMEMQ_OLDEST,
        };
        let mut lost = 0;
        // SAFETY: shmemq_seek(3) stores the number. One thread: `self` is borrowed mutably.
        check(unsafe { ffi::shmemq_seek(self.handle.as_ptr(), whence as c_int, &mut lost) })?;
        Ok(lost)
    }
}
