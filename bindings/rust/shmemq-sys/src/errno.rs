// SPDX-License-Identifier: MIT
//! The values of `errno` that the library's functions set and a caller may want to tell apart.

// These are the same on every architecture that Rust has for Linux.
pub const EPERM: i32 = 1;
pub const ENOENT: i32 = 2;
pub const EINTR: i32 = 4;
pub const EBADF: i32 = 9;
pub const EAGAIN: i32 = 11;
pub const EBUSY: i32 = 16;
pub const EEXIST: i32 = 17;
pub const EINVAL: i32 = 22;
pub const EPIPE: i32 = 32;

pub use by_architecture::*;

#[cfg(not(any(
    target_arch = "mips",
    target_arch = "mips32r6",
    target_arch = "mips64",
    target_arch = "mips64r6",
    target_arch = "sparc",
    target_arch = "sparc64"
)))]
mod by_architecture {
    pub const EPROTO: i32 = 71;
    pub const EBADMSG: i32 = 74;
    pub const EOVERFLOW: i32 = 75;
    pub const EMSGSIZE: i32 = 90;
    pub const ETIMEDOUT: i32 = 110;
    pub const ECANCELED: i32 = 125;
    pub const EOWNERDEAD: i32 = 130;
}

#[cfg(any(
    target_arch = "mips",
    target_arch = "mips32r6",
    target_arch = "mips64",
    target_arch = "mips64r6"
))]
mod by_architecture {
    pub const EPROTO: i32 = 71;
    pub const EBADMSG: i32 = 77;
    pub const EOVERFLOW: i32 = 79;
    pub const EMSGSIZE: i32 = 97;
    pub const ETIMEDOUT: i32 = 145;
    pub const ECANCELED: i32 = 158;
    pub const EOWNERDEAD: i32 = 165;
}

#[cfg(any(target_arch = "sparc", target_arch = "sparc64"))]
mod by_architecture {
    pub const EMSGSIZE: i32 = 40;
    pub const ETIMEDOUT: i32 = 60;
    pub const EBADMSG: i32 = 76;
    pub const EPROTO: i32 = 86;
    pub const EOVERFLOW: i32 = 92;
    pub const ECANCELED: i32 = 127;
    pub const EOWNERDEAD: i32 = 132;
}
