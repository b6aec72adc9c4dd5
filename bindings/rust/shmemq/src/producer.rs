// SPDX-License-Identifier: MIT
//! The producer end.

use crate::error::{Error, Result};
use crate::handle::{check, common, marks, nanoseconds, waits, Handle};
use crate::Msg;
use shmemq_sys as ffi;
use std::io::IoSlice;
use std::ops::{Deref, DerefMut};
use std::os::raw::{c_int, c_void};
use std::ptr::NonNull;
use std::time::Duration;
use std::{fmt, mem, slice};

/// A claim on the producer end of a queue, released when it is dropped.
///
/// It may be sent to another thread, but one thread at a time may use it:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<shmemq::Producer>();
/// ```
///
/// ```
/// fn sent<T: Send>() {}
/// sent::<shmemq::Producer>();
/// ```
pub struct Producer {
    pub(crate) handle: Handle,
}

common!(Producer);
waits!(Producer);
marks!(Producer, handle, "the next push");

impl Producer {
    pub(crate) fn new(handle: Handle) -> Producer {
        Producer { handle }
    }

    /// Pushes a copy of `data` with a `tag` of the caller's choice. Waits while the ring is full.
    pub fn push(&mut self, data: &[u8], tag: u32) -> Result<()> {
        self.push_timeout(data, tag, None)
    }

    /// The same, without waiting: fails with [`Error::WouldBlock`] if the ring is full.
    pub fn try_push(&mut self, data: &[u8], tag: u32) -> Result<()> {
        self.push_timeout(data, tag, Some(Duration::ZERO))
    }

    /// The same, waiting for at most `timeout`; None: for ever.
    pub fn push_timeout(&mut self, data: &[u8], tag: u32, timeout: Option<Duration>) -> Result<()> {
        // SAFETY: shmemq_push(3) copies `len` bytes from `data`. One thread: `self` is borrowed mutably.
        check(unsafe {
            ffi::shmemq_timedpush(
                self.handle.as_ptr(),
                data.as_ptr() as *const c_void,
                data.len(),
                tag,
                nanoseconds(timeout),
            )
        })?;
        Ok(())
    }

    /// Pushes one message that is made of several buffers.
    pub fn push_vectored(&mut self, data: &[IoSlice<'_>], tag: u32, timeout: Option<Duration>) -> Result<()> {
        let count = c_int::try_from(data.len()).map_err(|_| Error::Invalid)?;
        // SAFETY: shmemq_push(3) copies from `count` buffers; std promises that IoSlice is an iovec.
        check(unsafe {
            ffi::shmemq_timedpushv(
                self.handle.as_ptr(),
                data.as_ptr() as *const ffi::iovec,
                count,
                tag,
                nanoseconds(timeout),
            )
        })?;
        Ok(())
    }

    /// Pushes many messages: waits for space for the first one, and then pushes as many as fit. Returns how many.
    pub fn push_batch(&mut self, messages: &[Msg<'_>], timeout: Option<Duration>) -> Result<usize> {
        // The call may push fewer than it is given, so no more than fit a C int are passed.
        let count = messages.len().min(c_int::MAX as usize) as u32;
        // SAFETY: shmemq_pushm(3) copies the messages that `count` structures describe, and changes neither; Msg is
        // one, and describes a slice.
        let pushed = check(unsafe {
            ffi::shmemq_pushm(
                self.handle.as_ptr(),
                messages.as_ptr() as *const ffi::shmemq_msg,
                count,
                nanoseconds(timeout),
            )
        })?;
        Ok(pushed as usize)
    }

    /// Reserves `size` bytes in the ring, in which the caller builds a message. Waits while there is no space.
    pub fn start(&mut self, size: usize) -> Result<Slot<'_>> {
        self.start_timeout(size, None)
    }

    /// The same, without waiting.
    pub fn try_start(&mut self, size: usize) -> Result<Slot<'_>> {
        self.start_timeout(size, Some(Duration::ZERO))
    }

    /// The same, waiting for at most `timeout`; None: for ever.
    pub fn start_timeout(&mut self, size: usize, timeout: Option<Duration>) -> Result<Slot<'_>> {
        // SAFETY: shmemq_push_start(3) needs a handle that one thread uses: `self` is borrowed mutably.
        let data = unsafe { ffi::shmemq_timedpush_start(self.handle.as_ptr(), size, nanoseconds(timeout)) };
        match NonNull::new(data as *mut u8) {
            Some(data) => Ok(Slot {
                handle: &mut self.handle,
                data,
                size,
            }),
            None => Err(Error::last()),
        }
    }

    /// Waits until all that was pushed before the call has been popped.
    pub fn wait_empty(&mut self, timeout: Option<Duration>) -> Result<()> {
        // SAFETY: shmemq_wait_peer(3) needs a handle that one thread uses: `self` is borrowed mutably.
        check(unsafe { ffi::shmemq_wait_empty(self.handle.as_ptr(), nanoseconds(timeout)) })?;
        Ok(())
    }
}

/// Space in the ring for a message. [`commit`](Slot::commit) pushes it; dropping the slot gives it back.
///
/// Its first contents are whatever the ring had there. The producer can't be used meanwhile:
///
/// ```compile_fail,E0499
/// fn f(producer: &mut shmemq::Producer) -> shmemq::Result<()> {
///     let slot = producer.start(8)?;
///     producer.push(b"another", 0)?; // `slot` is still there
///     slot.commit(8, 0)
/// }
/// ```
///
/// ```
/// fn f(producer: &mut shmemq::Producer) -> shmemq::Result<()> {
///     let slot = producer.start(8)?;
///     slot.commit(8, 0)?;
///     producer.push(b"another", 0)
/// }
/// ```
///
/// Nor can it be closed:
///
/// ```compile_fail,E0505
/// fn f(mut producer: shmemq::Producer) -> shmemq::Result<()> {
///     let slot = producer.start(8)?;
///     drop(producer);
///     slot.commit(8, 0)
/// }
/// ```
///
/// If a slot is leaked ([`mem::forget`]), the message remains started: each later push fails with [`Error::Invalid`],
/// until the producer is closed.
pub struct Slot<'a> {
    handle: &'a mut Handle,
    data: NonNull<u8>,
    size: usize,
}

// SAFETY: ATTRIBUTES of shmemq_push_start(3): the thread that ends a message may be another one than the thread that
// started it. The slot is that thread's alone, as the handle that it borrows.
unsafe impl Send for Slot<'_> {}

impl<'a> Slot<'a> {
    /// Pushes the first `size` bytes with a `tag` of the caller's choice. If `size` is larger than the slot, fails with
    /// [`Error::Invalid`], and gives the space back.
    pub fn commit(self, size: usize, tag: u32) -> Result<()> {
        // SAFETY: shmemq_push_end(3): a message is started, and is not accessed after this: `self` is consumed. If the
        // call fails, the message remains started, and `self` is dropped, which cancels it.
        check(unsafe { ffi::shmemq_push_end(self.handle.as_ptr(), size, tag) })?;
        mem::forget(self);
        Ok(())
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        // SAFETY: shmemq_push_start(3): a message is started, and is not accessed after this. In a forked child the
        // call fails, and the parent's message remains started.
        unsafe { ffi::shmemq_push_cancel(self.handle.as_ptr()) };
    }
}

impl Deref for Slot<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: shmemq_push_start(3): `size` contiguous bytes at `data` are the caller's until end or cancel, which
        // need `self`. No peer that uses the library accesses them.
        unsafe { slice::from_raw_parts(self.data.as_ptr(), self.size) }
    }
}

impl DerefMut for Slot<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the same, and `self` is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.data.as_ptr(), self.size) }
    }
}

impl fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("size", &self.size).finish()
    }
}

marks!(Slot<'_>, handle, "the commit");
