// SPDX-License-Identifier: MIT
//! Structures and constants are those of the C compiler (CC, or cc), which is asked with a small program.

use shmemq_sys as ffi;
use std::fmt::Write;
use std::process::Command;
use std::{env, fs, mem, ptr};

/// A C program that prints a line for each question, and the lines that Rust expects.
#[derive(Default)]
struct Questions {
    program: String,
    expected: String,
}

impl Questions {
    fn ask(&mut self, c: &str, rust: i64) {
        writeln!(self.program, "\tprintf(\"{c} %lld\\n\", (long long)({c}));").unwrap();
        writeln!(self.expected, "{c} {rust}").unwrap();
    }
}

macro_rules! structures {
    ($questions:ident: $($name:ident { $($field:ident),* })*) => {
        $($questions.ask(concat!("sizeof(struct ", stringify!($name), ")"), mem::size_of::<ffi::$name>() as i64);
        $(
            let c = stringify!($field).trim_end_matches('_'); // type_
            let one = mem::MaybeUninit::<ffi::$name>::uninit();
            // SAFETY: addr_of! reads nothing.
            let field = unsafe { ptr::addr_of!((*one.as_ptr()).$field) };
            $questions.ask(
                &format!("offsetof(struct {}, {c})", stringify!($name)),
                field as i64 - one.as_ptr() as i64,
            );
            $questions.ask(
                &format!("sizeof(((struct {} *)0)->{c})", stringify!($name)),
                size_of_pointee(field),
            );
        )*)*
    };
}

macro_rules! constants {
    ($questions:ident: $($path:path),*) => {
        $(
            let name = stringify!($path).rsplit(':').next().unwrap().trim();
            $questions.ask(name, $path as i64);
        )*
    };
}

fn size_of_pointee<T>(_: *const T) -> i64 {
    mem::size_of::<T>() as i64
}

/// What the C program prints.
fn answers(program: &str) -> String {
    let dir = env::temp_dir().join(format!("shmemq-layout-{}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    let (source, binary) = (dir.join("layout.c"), dir.join("layout"));
    fs::write(&source, program).unwrap();
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg("-o").arg(&binary).arg(&source);
    if let Ok(output) = Command::new("pkg-config")
        .args(["--cflags", "libshmemq"])
        .output()
    {
        command.args(String::from_utf8(output.stdout).unwrap().split_whitespace());
    }
    assert!(command.status().unwrap().success(), "{command:?}");
    let output = Command::new(&binary).output().unwrap();
    fs::remove_dir_all(&dir).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn layout_and_constants_are_those_of_c() {
    let mut questions = Questions::default();
    structures! { questions:
        shmemq_attr {
            capacity, capacity_max, message_max, messages_max, alignment, flags, reserved, id, user
        }
        shmemq_stat {
            capacity, queued_bytes, queued_messages, pushed_bytes, pushed_messages, popped_bytes, popped_messages,
            reserved_bytes, reserved_bytes_most, slowest_bytes, slowest_messages, lag_bytes, lag_messages,
            producer_mark, consumer_mark, producer, consumer, producer_pid, consumer_pid, waiting, producers,
            consumers, slowest_pid, queued_bytes_most, pushed_at, popped_at, producer_holder_pid,
            consumer_holder_pid, producer_blocked,
            producer_slept, consumer_blocked, consumer_slept, reserved
        }
        shmemq_msg { data, size, type_, flags }
        iovec { iov_base, iov_len }
    }
    constants! { questions:
        ffi::SHMEMQ_PRODUCER, ffi::SHMEMQ_CONSUMER, ffi::SHMEMQ_OBSERVER, ffi::SHMEMQ_FOLLOWER, ffi::SHMEMQ_CREATE,
        ffi::SHMEMQ_EXCL, ffi::SHMEMQ_NONBLOCK, ffi::SHMEMQ_STAY, ffi::SHMEMQ_SHARED, ffi::SHMEMQ_PREFAULT,
        ffi::SHMEMQ_NOSPIN, ffi::SHMEMQ_ATTR_TEMPORARY, ffi::SHMEMQ_ATTR_BROADCAST, ffi::SHMEMQ_END_NEVER,
        ffi::SHMEMQ_END_OPEN, ffi::SHMEMQ_END_CLOSED, ffi::SHMEMQ_END_DEAD, ffi::SHMEMQ_WAIT_PRODUCER,
        ffi::SHMEMQ_WAIT_CONSUMER, ffi::SHMEMQ_MSG_REDELIVERED, ffi::SHMEMQ_NEWEST, ffi::SHMEMQ_QUEUED,
        ffi::SHMEMQ_OLDEST,
        ffi::errno::EPERM, ffi::errno::ENOENT, ffi::errno::EINTR, ffi::errno::EBADF, ffi::errno::EAGAIN,
        ffi::errno::EBUSY, ffi::errno::EEXIST, ffi::errno::EINVAL, ffi::errno::EPIPE, ffi::errno::EPROTO,
        ffi::errno::EBADMSG, ffi::errno::EOVERFLOW, ffi::errno::EMSGSIZE, ffi::errno::ETIMEDOUT,
        ffi::errno::ECANCELED, ffi::errno::EOWNERDEAD
    }
    let program = format!(
        "#include <errno.h>\n#include <shmemq.h>\n#include <stddef.h>\n#include <stdio.h>\n\
         int main(void)\n{{\n{}\treturn 0;\n}}\n",
        questions.program
    );
    assert_eq!(answers(&program), questions.expected);
}
