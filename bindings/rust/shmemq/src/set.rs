// SPDX-License-Identifier: MIT
//! Many handles in one event loop.

use crate::error::{Error, Result};
use crate::handle::{check, nanoseconds};
use crate::{Consumer, Follower, Producer};
use shmemq_sys as ffi;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::os::raw::c_void;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::NonNull;
use std::time::Duration;
use std::{fmt, io, ptr};

mod sealed {
    /// What a set may have.
    pub trait Sealed {
        fn as_ptr(&self) -> *mut shmemq_sys::shmemq;
    }
}
use sealed::Sealed;

/// A handle that can be in a set: [`Producer`], [`Consumer`], [`Follower`], or [`Any`] of them.
pub trait Watch: Sealed {}

/// Makes the kinds of handles that a set may have.
macro_rules! watch {
    ($($type:ident)*) => {
        $(impl Sealed for $type {
            fn as_ptr(&self) -> *mut ffi::shmemq {
                self.handle.as_ptr()
            }
        }
        impl Watch for $type {}
        impl From<$type> for Any {
            fn from(handle: $type) -> Any {
                Any::$type(handle)
            }
        })*

        /// A handle of any kind, for a set that has several.
        #[derive(Debug)]
        #[allow(missing_docs)]
        pub enum Any {
            $($type($type),)*
        }
        impl Sealed for Any {
            fn as_ptr(&self) -> *mut ffi::shmemq {
                match self {
                    $(Any::$type(one) => one.handle.as_ptr(),)*
                }
            }
        }
        impl Watch for Any {}
    };
}
watch!(Producer Consumer Follower);

/// Stands for a handle in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(usize);

struct Member<H> {
    handle: H,
    /// Of the handle that was added.
    q: *mut ffi::shmemq,
}

/// Handles that an event loop waits for together, with one descriptor: shmemq_set_open(3).
///
/// The set owns its handles, since one thread at a time may use it and all of them:
///
/// ```
/// use shmemq::{Options, Set};
/// # if Set::<shmemq::Consumer>::new().is_err() {
/// #     return Ok(()); // no inotify instance is left
/// # }
/// let (a, b) = (Options::new().memfd()?, Options::new().memfd()?);
/// let mut set = Set::new()?;
/// let first = set.add(Options::new().consumer_of(&a)?)?;
/// let second = set.add(Options::new().consumer_of(&b)?)?;
/// Options::new().producer_of(&b)?.push(b"hello", 0)?;
/// let mut ready = Vec::new();
/// set.wait(&mut ready, None)?; // at first all are ready
/// assert!(ready.contains(&second));
/// assert_eq!(&*set.get_mut(second).unwrap().try_pop()?, b"hello");
/// # assert!(ready.contains(&first));
/// # Ok::<(), shmemq::Error>(())
/// ```
///
/// A handle that [`get_mut`](Set::get_mut) gave is used where it is. If another is put in its place (as by
/// [`std::mem::swap`]), every later call panics.
pub struct Set<H: Watch> {
    set: NonNull<ffi::shmemq_set>,
    members: ManuallyDrop<HashMap<usize, Member<H>>>,
    next: usize,
    /// The member that get_mut() gave last: it may have been put elsewhere.
    given: Option<usize>,
}

// SAFETY: ATTRIBUTES of shmemq_set_open(3): one thread at a time may use a set and all the handles in it, but not
// always the same one. The handles go where the set goes: keep() finds out whether one has been taken out.
unsafe impl<H: Watch + Send> Send for Set<H> {}

impl<H: Watch> Set<H> {
    /// A new set, without handles.
    pub fn new() -> Result<Set<H>> {
        // SAFETY: shmemq_set_open(3) has no precondition.
        let set = unsafe { ffi::shmemq_set_open() };
        Ok(Set {
            set: NonNull::new(set).ok_or_else(Error::last)?,
            members: ManuallyDrop::new(HashMap::new()),
            next: 0,
            given: None,
        })
    }

    /// Whether the member that was given last is in its place. If it is not, it may be in use in another thread, and
    /// then no call on the set is allowed any more.
    fn is_whole(&self) -> bool {
        self.given.map_or(true, |token| {
            let member = self.members.get(&token);
            member.map_or(false, |m| m.handle.as_ptr() == m.q)
        })
    }

    fn keep(&self) {
        assert!(
            self.is_whole(),
            "a handle was taken out of a set without remove()"
        );
    }

    /// Adds a handle, which is ready at first. If that fails, the error has the handle.
    pub fn add(&mut self, handle: H) -> std::result::Result<Token, Rejected<H>> {
        self.keep();
        let token = self.next;
        let q = handle.as_ptr();
        // SAFETY: shmemq_set_open(3): the set and the handle are open, and this thread's. The cookie is a number.
        match check(unsafe { ffi::shmemq_set_add(self.set.as_ptr(), q, token as *mut c_void) }) {
            Ok(_) => {
                self.next += 1;
                self.members.insert(token, Member { handle, q });
                Ok(Token(token))
            }
            Err(error) => Err(Rejected { error, handle }),
        }
    }

    /// Takes a handle out of the set.
    pub fn remove(&mut self, token: Token) -> Result<H> {
        self.keep();
        let q = self.members.get(&token.0).ok_or(Error::NotFound)?.q;
        // SAFETY: shmemq_set_open(3): the set and the handle, which is a member, are open, and this thread's.
        check(unsafe { ffi::shmemq_set_remove(self.set.as_ptr(), q) })?;
        self.given = None; // it was in its place
        let member = self.members.remove(&token.0).ok_or(Error::NotFound)?;
        Ok(member.handle)
    }

    /// A handle in the set, for calls on it.
    pub fn get_mut(&mut self, token: Token) -> Option<&mut H> {
        self.keep();
        let member = self.members.get_mut(&token.0)?;
        self.given = Some(token.0);
        Some(&mut member.handle)
    }

    /// How many handles are in the set.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Waits until a handle is ready, and replaces the contents of `ready` by the tokens of up to 64 that are. Each
    /// remains ready until a push or pop on it fails with [`Error::WouldBlock`], [`Error::Closed`] or
    /// [`Error::OwnerDied`].
    pub fn wait(&mut self, ready: &mut Vec<Token>, timeout: Option<Duration>) -> Result<()> {
        self.keep();
        let mut cookies = [ptr::null_mut(); 64];
        ready.clear();
        // SAFETY: shmemq_set_open(3): the call stores at most so many cookies, and returns how many.
        let count = check(unsafe {
            ffi::shmemq_set_wait(
                self.set.as_ptr(),
                cookies.as_mut_ptr(),
                cookies.len() as i32,
                nanoseconds(timeout),
            )
        })?;
        ready.extend(
            cookies[..count as usize]
                .iter()
                .map(|&cookie| Token(cookie as usize)),
        );
        Ok(())
    }

    /// The set's descriptor, to be watched for input in a larger event loop. It is readable when a handle is ready;
    /// then [`wait`](Set::wait) without waiting tells which.
    pub fn pollfd(&self) -> Result<BorrowedFd<'_>> {
        self.keep();
        // SAFETY: shmemq_set_open(3): the set is this thread's; the descriptor belongs to it, and the set outlives the
        // borrow.
        unsafe {
            let fd = check(ffi::shmemq_set_fd(self.set.as_ptr()))?;
            Ok(BorrowedFd::borrow_raw(fd))
        }
    }
}

impl<H: Watch> Drop for Set<H> {
    fn drop(&mut self) {
        if !self.is_whole() {
            // A handle that is elsewhere is in the set still. Neither it nor its fellows may go: leak them.
            return;
        }
        // SAFETY: shmemq_set_open(3): shmemq_set_close() frees the set, and leaves the handles, which are closed after
        // it. Both are done once, here.
        unsafe {
            ffi::shmemq_set_close(self.set.as_ptr());
            ManuallyDrop::drop(&mut self.members);
        }
    }
}

/// The descriptor of `pollfd`.
///
/// # Panics
///
/// If that fails, which it does if the program has closed the set's descriptors.
impl<H: Watch> AsFd for Set<H> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pollfd().expect("no descriptor for poll")
    }
}

/// The same descriptor, for the event loops that take this trait.
///
/// # Panics
///
/// As `as_fd`.
impl<H: Watch> AsRawFd for Set<H> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<H: Watch> fmt::Debug for Set<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set").field("len", &self.len()).finish()
    }
}

/// A handle that could not be added to a set, and why.
pub struct Rejected<H> {
    /// Why.
    pub error: Error,
    /// The handle, as it was.
    pub handle: H,
}

impl<H> fmt::Debug for Rejected<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rejected").field(&self.error).finish()
    }
}

impl<H> From<Rejected<H>> for Error {
    fn from(rejected: Rejected<H>) -> Error {
        rejected.error
    }
}

impl<H> From<Rejected<H>> for io::Error {
    fn from(rejected: Rejected<H>) -> io::Error {
        rejected.error.into()
    }
}
