// SPDX-License-Identifier: MIT
//! The functions, structures and constants of `shmemq.h`. Their manual is shmemq(7) and section 3; the crate `shmemq`
//! is their safe form.
#![allow(non_camel_case_types)]

#[rustfmt::skip]
mod bindings;
pub mod errno;

pub use bindings::*;
