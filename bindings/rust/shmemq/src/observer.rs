// SPDX-License-Identifier: MIT
//! Sees the state of a queue.

use crate::error::Result;
use crate::handle::{common, Handle};

/// A handle that claims no end, and needs read permission alone: for `stat` and `attributes`.
pub struct Observer {
    handle: Handle,
}

common!(Observer);

impl Observer {
    pub(crate) fn new(handle: Handle) -> Observer {
        Observer { handle }
    }
}
