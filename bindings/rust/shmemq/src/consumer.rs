// SPDX-License-Identifier: MIT
//! The consumer end.

use crate::batch::{Batch, Msg};
use crate::error::{Error, Result};
use crate::handle::{check, common, marks, nanoseconds, waits, Handle};
use shmemq_sys as ffi;
use std::ops::Deref;
use std::ptr::NonNull;
use std::time::Duration;
use std::{fmt, mem, slice};

/// A claim on the consumer end of a queue, released when it is dropped.
///
/// It may be sent to another thread, but one thread at a time may use it:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<shmemq::Consumer>();
/// ```
///
/// ```
/// fn sent<T: Send>() {}
/// sent::<shmemq::Consumer>();
/// ```
pub struct Consumer {
    pub(crate) handle: Handle,
    /// Of the batch that is held, if one is; kept for the next one. What the structures point to is there while a
    /// Batch is.
    pub(crate) batch: Vec<Msg<'static>>,
}

common!(Consumer);
waits!(Consumer);
marks!(Consumer, handle, "the next release of a message");

impl Consumer {
    pub(crate) fn new(handle: Handle) -> Consumer {
        Consumer {
            handle,
            batch: Vec::new(),
        }
    }

    /// Takes the next message, in place. Waits while the queue is empty.
    pub fn pop(&mut self) -> Result<Message<'_>> {
        self.pop_timeout(None)
    }

    /// The same, without waiting: fails with [`Error::WouldBlock`] if the queue is empty.
    pub fn try_pop(&mut self) -> Result<Message<'_>> {
        self.pop_timeout(Some(Duration::ZERO))
    }

    /// The same, waiting for at most `timeout`; None: for ever.
    pub fn pop_timeout(&mut self, timeout: Option<Duration>) -> Result<Message<'_>> {
        let (mut size, mut tag) = (0, 0);
        // SAFETY: shmemq_pop_start(3) stores the size and the tag. One thread: `self` is borrowed mutably.
        let data = unsafe {
            ffi::shmemq_timedpop_start(self.handle.as_ptr(), &mut size, &mut tag, nanoseconds(timeout))
        };
        match NonNull::new(data as *mut u8) {
            Some(data) => Ok(Message {
                handle: &mut self.handle,
                data,
                size,
                tag,
            }),
            None => Err(Error::last()),
        }
    }

    /// Copies the next message into `buffer`, and removes it from the queue. Returns its size and its tag. Fails with
    /// [`Error::TooLarge`] if it does not fit; then it remains queued.
    pub fn pop_into(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> Result<(usize, u32)> {
        self.handle.pop_into(buffer, timeout)
    }

    /// Waits for a message, and takes up to `max` of those that are queued, in place.
    pub fn pop_batch(&mut self, max: usize, timeout: Option<Duration>) -> Result<Batch<'_>> {
        Batch::start(self, max, timeout)
    }
}

/// A message in the ring. Dropping it removes it from the queue.
///
/// The consumer can't be used meanwhile, nor closed:
///
/// ```compile_fail,E0499
/// fn f(consumer: &mut shmemq::Consumer) -> shmemq::Result<usize> {
///     let message = consumer.pop()?;
///     let next = consumer.pop()?; // `message` is still there
///     Ok(message.len() + next.len())
/// }
/// ```
///
/// ```compile_fail,E0505
/// fn f(mut consumer: shmemq::Consumer) -> shmemq::Result<usize> {
///     let message = consumer.pop()?;
///     drop(consumer);
///     Ok(message.len())
/// }
/// ```
///
/// And its bytes can't be kept:
///
/// ```compile_fail,E0597
/// fn f(consumer: &mut shmemq::Consumer) -> shmemq::Result<usize> {
///     let bytes: &[u8];
///     {
///         let message = consumer.pop()?;
///         bytes = &message;
///     }
///     Ok(bytes.len())
/// }
/// ```
///
/// ```
/// fn f(consumer: &mut shmemq::Consumer) -> shmemq::Result<usize> {
///     let bytes: &[u8];
///     let message = consumer.pop()?;
///     bytes = &message;
///     Ok(bytes.len())
/// }
/// ```
///
/// If a message is leaked ([`mem::forget`]), the handle holds it: each later pop fails with [`Error::Invalid`], until
/// the consumer is closed; then the message is delivered again.
pub struct Message<'a> {
    handle: &'a mut Handle,
    data: NonNull<u8>,
    size: usize,
    tag: u32,
}

// SAFETY: ATTRIBUTES of shmemq_pop_start(3): the thread that releases a message may be another one than the thread that
// started it. The message is that thread's alone, as the handle that it borrows.
unsafe impl Send for Message<'_> {}

impl Message<'_> {
    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.tag
    }

    /// Whether an earlier consumer held it, and closed or died without releasing it.
    pub fn is_redelivered(&self) -> bool {
        // SAFETY: shmemq_pop_start(3) needs a handle that one thread uses: `self` is not Sync, and has borrowed it.
        unsafe { ffi::shmemq_redelivered(self.handle.as_ptr()) == 1 }
    }

    /// Removes it from the queue, as dropping it does, and tells whether that has failed.
    pub fn release(self) -> Result<()> {
        // SAFETY: shmemq_pop_start(3): a message is held, and is not accessed after this: `self` is consumed.
        let result = check(unsafe { ffi::shmemq_pop_end(self.handle.as_ptr()) });
        mem::forget(self);
        result.map(|_| ())
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        // SAFETY: shmemq_pop_start(3): a message is held, and is not accessed after this. In a forked child the call
        // fails, and the parent holds the message as before.
        unsafe { ffi::shmemq_pop_end(self.handle.as_ptr()) };
    }
}

impl Deref for Message<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: shmemq_pop_start(3): `size` contiguous bytes at `data` remain until shmemq_pop_end(), which needs
        // `self`. No peer that uses the library changes them.
        unsafe { slice::from_raw_parts(self.data.as_ptr(), self.size) }
    }
}

impl AsRef<[u8]> for Message<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("size", &self.size)
            .field("tag", &self.tag)
            .finish()
    }
}

marks!(Message<'_>, handle, "the release");
