// SPDX-License-Identifier: MIT
//! Ends the waits of a handle from elsewhere.

use crate::error::{Error, Result};
use shmemq_sys as ffi;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, process, thread};

/// Set in `Gate::state` when the handle is about to be closed. The rest of the word counts the calls under way.
const SHUT: usize = 1;
const CALL: usize = 2;

/// What a handle and its interrupters share: lets calls of shmemq_interrupt() through until the handle is closed.
///
/// There is no lock, because an interrupter may be used in a signal handler.
pub(crate) struct Gate {
    q: *mut ffi::shmemq,
    state: AtomicUsize,
    pid: u32,
}

// SAFETY: `q` is passed to shmemq_interrupt() alone, which shmemq_interrupt(3) allows in any thread at any time but
// during and after shmemq_close(); shut() sees to the latter.
unsafe impl Send for Gate {}
// SAFETY: the same.
unsafe impl Sync for Gate {}

impl Gate {
    pub(crate) fn new(q: *mut ffi::shmemq) -> Gate {
        Gate {
            q,
            state: AtomicUsize::new(0),
            pid: process::id(),
        }
    }

    /// Calls `f` with the handle, unless that has been closed.
    fn call<T>(&self, f: impl FnOnce(*mut ffi::shmemq) -> T) -> Result<T> {
        let enter = |state| {
            if state & SHUT == 0 {
                Some(state + CALL)
            } else {
                None
            }
        };
        // Relaxed, both: what the call reads was written before the Arc came to this thread, and shut(), which changes
        // the same word, sees this count.
        self.state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter)
            .map_err(|_| Error::BadHandle)?;
        let result = f(self.q);
        // Release: pairs with the acquires in shut(); the call above is over before the handle is freed.
        self.state.fetch_sub(CALL, Ordering::Release);
        Ok(result)
    }

    fn interrupt(&self) -> Result<()> {
        self.call(|q| {
            // SAFETY: shmemq_interrupt(3): not at the same time as shmemq_close() or after it. shut() is called before
            // that, and waits for the calls that have begun while the gate was open.
            match unsafe { ffi::shmemq_interrupt(q) } {
                0 => Ok(()),
                _ => Err(Error::last()),
            }
        })?
    }

    /// Afterwards no call on the handle is under way, and none begins.
    pub(crate) fn shut(&self) {
        // Acquire: pairs with the release in call().
        let mut state = self.state.fetch_or(SHUT, Ordering::Acquire);
        // In a forked child the threads that had calls under way do not exist.
        while state != 0 && state != SHUT && process::id() == self.pid {
            // Not a spin: the thread may have to run on this processor.
            thread::sleep(Duration::from_micros(20));
            // Acquire: the same.
            state = self.state.load(Ordering::Acquire);
        }
    }
}

/// Ends the current wait of a handle, or if there is none the next one, with [`Error::Canceled`]: shmemq_interrupt(3).
///
/// It may be cloned, sent to other threads, and used in a signal handler. It does not keep the handle open.
#[derive(Clone)]
pub struct Interrupter(pub(crate) Arc<Gate>);

impl Interrupter {
    /// Fails with [`Error::BadHandle`] after the handle was closed, and with [`Error::NotPermitted`] in a forked child.
    pub fn interrupt(&self) -> Result<()> {
        self.0.interrupt()
    }
}

impl fmt::Debug for Interrupter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;
    use std::sync::atomic::AtomicBool;
    use std::sync::Barrier;

    #[test]
    fn shut_waits_for_a_call() {
        let gate = Gate::new(ptr::null_mut());
        let inside = Barrier::new(2);
        let is_shut = AtomicBool::new(false);
        thread::scope(|scope| {
            let caller = scope.spawn(|| {
                gate.call(|_| {
                    inside.wait();
                    thread::sleep(Duration::from_millis(50)); // so that shut() has begun
                    is_shut.load(Ordering::SeqCst)
                })
            });
            inside.wait();
            gate.shut();
            is_shut.store(true, Ordering::SeqCst);
            assert_eq!(caller.join().unwrap(), Ok(false));
        });
        assert_eq!(gate.call(|_| ()), Err(Error::BadHandle));
    }
}
