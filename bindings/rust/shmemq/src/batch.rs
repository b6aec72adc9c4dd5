// SPDX-License-Identifier: MIT
//! Many messages with one call.

use crate::error::{Error, Result};
use crate::handle::{check, marks, nanoseconds};
use crate::Consumer;
use shmemq_sys as ffi;
use std::marker::PhantomData;
use std::ops::Index;
use std::os::raw::c_void;
use std::time::Duration;
use std::{fmt, mem, slice};

/// Messages that one call takes at most: `max` above it counts as this.
const MOST: usize = 1 << 16;

/// One message of many: the bytes and the tag.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Msg<'a> {
    raw: ffi::shmemq_msg,
    bytes: PhantomData<&'a [u8]>,
}

// SAFETY: it is a shared slice and two numbers; shmemq_pushm(3) does not write through the pointer.
unsafe impl Send for Msg<'_> {}
// SAFETY: the same.
unsafe impl Sync for Msg<'_> {}

impl<'a> Msg<'a> {
    /// For [`push_batch`](crate::Producer::push_batch).
    pub fn new(data: &'a [u8], tag: u32) -> Msg<'a> {
        Msg {
            raw: ffi::shmemq_msg {
                data: data.as_ptr() as *mut c_void,
                size: data.len(),
                type_: tag,
                flags: 0,
            },
            bytes: PhantomData,
        }
    }

    /// The bytes.
    pub fn data(&self) -> &'a [u8] {
        // SAFETY: it was made of a slice that lives for 'a, or by shmemq_popm_start(), and then 'a ends with the Batch.
        // shmemq_pushm(3): each message is contiguous, and remains until shmemq_popm_end().
        unsafe { slice::from_raw_parts(self.raw.data as *const u8, self.raw.size) }
    }

    /// The tag that the producer gave it.
    pub fn tag(&self) -> u32 {
        self.raw.type_
    }

    /// Whether an earlier consumer held it, and closed or died without releasing it.
    pub fn is_redelivered(&self) -> bool {
        self.raw.flags & ffi::SHMEMQ_MSG_REDELIVERED != 0
    }
}

impl fmt::Debug for Msg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Msg")
            .field("size", &self.raw.size)
            .field("tag", &self.tag())
            .finish()
    }
}

/// Messages in the ring. Dropping the batch removes all of them from the queue, [`release`](Batch::release) the first.
///
/// The consumer can't be used meanwhile, and no message can be kept:
///
/// ```compile_fail,E0505
/// fn f(consumer: &mut shmemq::Consumer) -> shmemq::Result<usize> {
///     let batch = consumer.pop_batch(8, None)?;
///     let first = batch.messages()[0];
///     batch.release(1)?;
///     Ok(first.data().len())
/// }
/// ```
///
/// ```
/// fn f(consumer: &mut shmemq::Consumer) -> shmemq::Result<usize> {
///     let batch = consumer.pop_batch(8, None)?;
///     let first = batch.messages()[0];
///     let size = first.data().len();
///     batch.release(1)?;
///     Ok(size)
/// }
/// ```
///
/// If a batch is leaked, each later pop fails with [`Error::Invalid`], as for a [`Message`](crate::Message).
pub struct Batch<'a> {
    consumer: &'a mut Consumer,
}

impl<'a> Batch<'a> {
    pub(crate) fn start(
        consumer: &'a mut Consumer,
        max: usize,
        timeout: Option<Duration>,
    ) -> Result<Batch<'a>> {
        consumer.batch.clear();
        fill(consumer, ffi::shmemq_popm_start, max, timeout)?;
        Ok(Batch { consumer })
    }

    /// The messages, the oldest first.
    pub fn messages(&self) -> &[Msg<'_>] {
        &self.consumer.batch
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.consumer.batch.len()
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The messages, one after the other.
    pub fn iter(&self) -> slice::Iter<'_, Msg<'_>> {
        self.messages().iter()
    }

    /// Waits for a message after these, and adds up to `max`. Returns how many; 0: none can be added before some are
    /// released.
    pub fn more(&mut self, max: usize, timeout: Option<Duration>) -> Result<usize> {
        fill(self.consumer, ffi::shmemq_popm_more, max, timeout)
    }

    /// Ends the batch: removes the first `count` messages from the queue, and leaves the others to the next pop. If
    /// `count` is too large, fails with [`Error::Invalid`] and removes none.
    pub fn release(self, count: usize) -> Result<()> {
        let q = self.consumer.handle.as_ptr();
        let valid = count <= self.len();
        let removed = if valid { count as u32 } else { 0 };
        // SAFETY: shmemq_pushm(3): a batch is held, of at least `removed` messages, and is not accessed after this:
        // `self` is consumed.
        let result = check(unsafe { ffi::shmemq_popm_end(q, removed) });
        mem::forget(self);
        result.and(if valid { Ok(()) } else { Err(Error::Invalid) })
    }
}

/// Appends what one of the two calls describes to the consumer's batch. Returns how many.
fn fill(
    consumer: &mut Consumer,
    call: unsafe extern "C" fn(*mut ffi::shmemq, *mut ffi::shmemq_msg, u32, i64) -> i32,
    max: usize,
    timeout: Option<Duration>,
) -> Result<usize> {
    let max = max.min(MOST);
    let batch = &mut consumer.batch;
    batch.reserve(max);
    // SAFETY: shmemq_pushm(3): the calls write at most `max` structures, for which there is space after the `len` that
    // are there, and return how many, which are valid until the batch ends. Msg is such a structure.
    unsafe {
        let free = batch.as_mut_ptr().add(batch.len()) as *mut ffi::shmemq_msg;
        let count = check(call(
            consumer.handle.as_ptr(),
            free,
            max as u32,
            nanoseconds(timeout),
        ))?;
        batch.set_len(batch.len() + count as usize);
        Ok(count as usize)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        // SAFETY: shmemq_pushm(3): a batch of that many messages is held, and is not accessed after this. In a forked
        // child the call fails, and the parent holds the batch as before.
        unsafe { ffi::shmemq_popm_end(self.consumer.handle.as_ptr(), self.len() as u32) };
    }
}

impl Index<usize> for Batch<'_> {
    type Output = [u8];
    fn index(&self, index: usize) -> &[u8] {
        self.messages()[index].data()
    }
}

impl<'b> IntoIterator for &'b Batch<'_> {
    type Item = &'b Msg<'b>;
    type IntoIter = slice::Iter<'b, Msg<'b>>;
    fn into_iter(self) -> slice::Iter<'b, Msg<'b>> {
        self.iter()
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.messages()).finish()
    }
}

marks!(Batch<'_>, consumer.handle, "the release");
