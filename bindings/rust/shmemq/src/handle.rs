// SPDX-License-Identifier: MIT
//! The handle of the C library, and what all kinds of it have in common.

use crate::error::{Error, Result};
use crate::interrupter::{Gate, Interrupter};
use crate::stat::{Attributes, Stat};
use shmemq_sys as ffi;
use std::os::raw::{c_int, c_void};
use std::os::unix::io::{BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use std::{mem, ptr};

/// Owns a `struct shmemq`. Null once it has been closed, which no caller sees.
pub(crate) struct Handle {
    q: *mut ffi::shmemq,
    gate: Arc<Gate>,
}

// SAFETY: ATTRIBUTES of shmemq_open(3): one thread at a time may use a handle, but not always the same one. So it is
// not Sync.
unsafe impl Send for Handle {}

/// The C form of a timeout: None waits for ever.
pub(crate) fn nanoseconds(timeout: Option<Duration>) -> i64 {
    timeout.map_or(-1, |time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

pub(crate) fn check(result: c_int) -> Result<c_int> {
    if result < 0 {
        Err(Error::last())
    } else {
        Ok(result)
    }
}

impl Handle {
    /// Takes over what shmemq_open() or shmemq_fdopen() has returned.
    pub(crate) fn new(q: *mut ffi::shmemq) -> Result<Handle> {
        if q.is_null() {
            return Err(Error::last());
        }
        Ok(Handle {
            q,
            gate: Arc::new(Gate::new(q)),
        })
    }

    /// For calls on the handle. It is valid as long as `self`.
    pub(crate) fn as_ptr(&self) -> *mut ffi::shmemq {
        self.q
    }

    pub(crate) fn close(&mut self) -> Result<()> {
        let q = mem::replace(&mut self.q, ptr::null_mut());
        if q.is_null() {
            return Ok(());
        }
        self.gate.shut();
        // SAFETY: shmemq_close(3): no other call on the handle may run, and none may follow. `self` is borrowed mutably
        // and has forgotten `q`; guards borrow it mutably, too; the gate keeps interrupters out.
        check(unsafe { ffi::shmemq_close(q) })?;
        Ok(())
    }

    pub(crate) fn interrupter(&self) -> Interrupter {
        Interrupter(Arc::clone(&self.gate))
    }

    pub(crate) fn stat(&self) -> Result<Stat> {
        let mut stat = mem::MaybeUninit::uninit();
        // SAFETY: shmemq_stat(3) fills the structure if it succeeds. One thread at a time: `self` is not Sync.
        unsafe {
            check(ffi::shmemq_stat(self.q, stat.as_mut_ptr()))?;
            Ok(Stat::from_c(&stat.assume_init()))
        }
    }

    pub(crate) fn attributes(&self) -> Result<Attributes> {
        let mut attr = mem::MaybeUninit::uninit();
        // SAFETY: shmemq_stat(3): shmemq_getattr() fills the structure if it succeeds. One thread: as above.
        unsafe {
            check(ffi::shmemq_getattr(self.q, attr.as_mut_ptr()))?;
            Ok(Attributes::from_c(&attr.assume_init()))
        }
    }

    pub(crate) fn dup_fd(&self) -> Result<OwnedFd> {
        // SAFETY: shmemq_dupfd(3): the new descriptor is the caller's, who closes it. One thread: as above.
        unsafe {
            let fd = check(ffi::shmemq_dupfd(self.q))?;
            Ok(OwnedFd::from_raw_fd(fd))
        }
    }

    pub(crate) fn pollfd(&self) -> Result<BorrowedFd<'_>> {
        // SAFETY: shmemq_pollfd(3): the descriptor belongs to the handle, and remains open until shmemq_close(), which
        // needs a mutable borrow of `self`.
        unsafe {
            let fd = check(ffi::shmemq_pollfd(self.q))?;
            Ok(BorrowedFd::borrow_raw(fd))
        }
    }

    pub(crate) fn wait_peer(&mut self, timeout: Option<Duration>) -> Result<()> {
        // SAFETY: shmemq_wait_peer(3) needs a handle that one thread uses: `self` is borrowed mutably.
        check(unsafe { ffi::shmemq_wait_peer(self.q, nanoseconds(timeout)) })?;
        Ok(())
    }

    pub(crate) fn set_mark(&mut self, mark: u64) -> Result<()> {
        // SAFETY: shmemq_mark(3) needs a handle that one thread uses: `self` is borrowed mutably.
        check(unsafe { ffi::shmemq_mark(self.q, mark) })?;
        Ok(())
    }

    /// Copies the next message into `buffer`: its size and its tag.
    pub(crate) fn pop_into(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> Result<(usize, u32)> {
        let mut tag = 0;
        // SAFETY: shmemq_pop(3) writes at most `len` bytes at the buffer. One thread: `self` is borrowed mutably.
        let size = unsafe {
            ffi::shmemq_timedpop(
                self.q,
                buffer.as_mut_ptr() as *mut c_void,
                buffer.len(),
                &mut tag,
                nanoseconds(timeout),
            )
        };
        match usize::try_from(size) {
            Ok(size) => Ok((size, tag)),
            Err(_) => Err(Error::last()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The handle is freed whatever close() returns; Producer::close() and others tell.
        let _ = self.close();
    }
}

/// The methods of every kind of handle; the type has a field `handle`.
macro_rules! common {
    ($type:ident) => {
        impl $type {
            /// The state of the queue.
            pub fn stat(&self) -> Result<crate::Stat> {
                self.handle.stat()
            }

            /// The attributes that the queue was made with.
            pub fn attributes(&self) -> Result<crate::Attributes> {
                self.handle.attributes()
            }

            /// A new descriptor of the queue, to be passed on: shmemq_dupfd(3).
            pub fn dup_fd(&self) -> Result<std::os::unix::io::OwnedFd> {
                self.handle.dup_fd()
            }

            /// Closes the handle, as dropping it does, and tells whether the name of a temporary queue could be
            /// removed.
            pub fn close(mut self) -> Result<()> {
                self.handle.close()
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($type))
            }
        }
    };
}

/// The methods of a handle that can wait.
macro_rules! waits {
    ($type:ident) => {
        impl $type {
            /// What ends this handle's waits from another thread.
            pub fn interrupter(&self) -> crate::Interrupter {
                self.handle.interrupter()
            }

            /// Waits until a live handle has claimed the other end.
            pub fn wait_peer(&mut self, timeout: Option<Duration>) -> Result<()> {
                self.handle.wait_peer(timeout)
            }

            /// The descriptor for poll(2), epoll(7) or an event loop, to be watched for input: shmemq_pollfd(3). The
            /// first call makes it. Whenever it is readable, try until a call fails with [`Error::WouldBlock`].
            ///
            /// Fails with [`Error::Busy`] if the handle is in a [`Set`](crate::Set), and with [`Error::Os`] if the
            /// process or the user has too many descriptors.
            ///
            /// [`Error::Busy`]: crate::Error::Busy
            /// [`Error::Os`]: crate::Error::Os
            /// [`Error::WouldBlock`]: crate::Error::WouldBlock
            pub fn pollfd(&self) -> Result<std::os::unix::io::BorrowedFd<'_>> {
                self.handle.pollfd()
            }
        }

        /// The descriptor of `pollfd`.
        ///
        /// # Panics
        ///
        /// If that fails. A program that calls `pollfd` first can handle the error.
        impl std::os::unix::io::AsFd for $type {
            fn as_fd(&self) -> std::os::unix::io::BorrowedFd<'_> {
                self.handle.pollfd().expect("no descriptor for poll")
            }
        }

        /// The same descriptor, for the event loops that take this trait.
        ///
        /// # Panics
        ///
        /// As `as_fd`.
        impl std::os::unix::io::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::unix::io::RawFd {
                use std::os::unix::io::AsFd;
                self.as_fd().as_raw_fd()
            }
        }
    };
}

/// The method of an end that has a mark, and of its guards; the type has a field or method that leads to the handle.
macro_rules! marks {
    ($type:ty, $($handle:tt).+, $with:literal) => {
        impl $type {
            #[doc = concat!("Sets the mark that comes into force with ", $with, ": shmemq_mark(3).")]
            pub fn set_mark(&mut self, mark: u64) -> Result<()> {
                self.$($handle).+.set_mark(mark)
            }
        }
    };
}

pub(crate) use {common, marks, waits};
