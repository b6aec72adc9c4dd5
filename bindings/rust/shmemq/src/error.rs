// SPDX-License-Identifier: MIT
//! Why a call failed.

use shmemq_sys::errno;
use std::{fmt, io};

/// The result of a call on a queue.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed: one variant for each `errno` that a program may want to answer. FAILURES in shmemq(7) says how.
///
/// A call that fails has moved no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// The queue is empty (pop) or full (push), and the call must not wait. `EAGAIN`
    WouldBlock,
    /// The timeout has passed. `ETIMEDOUT`
    TimedOut,
    /// The queue is empty or full, and the peer has closed. `EPIPE`
    Closed,
    /// The queue is empty or full, and the peer died without closing. `EOWNERDEAD`
    OwnerDied,
    /// A signal handler ran while the call slept: repeat it. `EINTR`
    Interrupted,
    /// [`Interrupter::interrupt`](crate::Interrupter::interrupt) ended the wait. `ECANCELED`
    Canceled,
    /// Another handle has the end; or the handle is in a set. `EBUSY`
    Busy,
    /// Something other than this library has written to the shared memory. All later calls fail, too. `EBADMSG`
    BadMessage,
    /// The message is larger than the queue can hold, or than the buffer: then it remains queued. `EMSGSIZE`
    TooLarge,
    /// The follower has been overtaken: the next pop goes on at the oldest message. `EOVERFLOW`
    Overtaken,
    /// The object is no queue, or has another format. `EPROTO`
    NotAQueue,
    /// The handle is the parent's, and this is a forked child; or the name may not be removed. `EPERM`
    NotPermitted,
    /// An argument is invalid; or a guard was leaked, so that the handle still holds its message. `EINVAL`
    Invalid,
    /// The handle has been closed, or is not of the kind that the call needs. `EBADF`
    BadHandle,
    /// There is no queue of this name, or no such handle in the set. `ENOENT`
    NotFound,
    /// There is already a queue of this name. `EEXIST`
    Exists,
    /// Any other `errno`.
    Os(i32),
}

impl Error {
    /// The error of the call that has just failed in this thread.
    pub(crate) fn last() -> Error {
        Error::from_errno(io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }

    fn from_errno(value: i32) -> Error {
        match value {
            errno::EAGAIN => Error::WouldBlock,
            errno::ETIMEDOUT => Error::TimedOut,
            errno::EPIPE => Error::Closed,
            errno::EOWNERDEAD => Error::OwnerDied,
            errno::EINTR => Error::Interrupted,
            errno::ECANCELED => Error::Canceled,
            errno::EBUSY => Error::Busy,
            errno::EBADMSG => Error::BadMessage,
            errno::EMSGSIZE => Error::TooLarge,
            errno::EOVERFLOW => Error::Overtaken,
            errno::EPROTO => Error::NotAQueue,
            errno::EPERM => Error::NotPermitted,
            errno::EINVAL => Error::Invalid,
            errno::EBADF => Error::BadHandle,
            errno::ENOENT => Error::NotFound,
            errno::EEXIST => Error::Exists,
            other => Error::Os(other),
        }
    }

    /// The value of `errno`.
    pub fn errno(self) -> i32 {
        match self {
            Error::WouldBlock => errno::EAGAIN,
            Error::TimedOut => errno::ETIMEDOUT,
            Error::Closed => errno::EPIPE,
            Error::OwnerDied => errno::EOWNERDEAD,
            Error::Interrupted => errno::EINTR,
            Error::Canceled => errno::ECANCELED,
            Error::Busy => errno::EBUSY,
            Error::BadMessage => errno::EBADMSG,
            Error::TooLarge => errno::EMSGSIZE,
            Error::Overtaken => errno::EOVERFLOW,
            Error::NotAQueue => errno::EPROTO,
            Error::NotPermitted => errno::EPERM,
            Error::Invalid => errno::EINVAL,
            Error::BadHandle => errno::EBADF,
            Error::NotFound => errno::ENOENT,
            Error::Exists => errno::EEXIST,
            Error::Os(other) => other,
        }
    }

    /// Whether the peer has gone: [`Closed`](Error::Closed) or [`OwnerDied`](Error::OwnerDied).
    pub fn is_peer_gone(self) -> bool {
        matches!(self, Error::Closed | Error::OwnerDied)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::WouldBlock => "the queue is empty or full",
            Error::TimedOut => "the timeout has passed",
            Error::Closed => "the peer has closed",
            Error::OwnerDied => "the peer died without closing",
            Error::Interrupted => "a signal interrupted the wait",
            Error::Canceled => "the wait was interrupted",
            Error::Busy => "another handle has this end, or the handle is in a set",
            Error::BadMessage => "the shared memory has invalid contents",
            Error::TooLarge => "the message is too large",
            Error::Overtaken => "the follower has been overtaken",
            Error::NotAQueue => "not a queue, or one of another format",
            Error::NotPermitted => "not permitted, or a handle of the parent process",
            Error::Invalid => "invalid argument, or a message is still held",
            Error::BadHandle => "the handle is closed, or not of the right kind",
            Error::NotFound => "no such queue or handle",
            Error::Exists => "the queue exists",
            Error::Os(other) => return io::Error::from_raw_os_error(*other).fmt(f),
        })
    }
}

impl std::error::Error for Error {}

/// Keeps the value of `errno`, from which [`io::ErrorKind`] follows.
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::from_raw_os_error(error.errno())
    }
}
