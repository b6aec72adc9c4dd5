// SPDX-License-Identifier: MIT
//! What a queue is, and how it is: shmemq_getattr(3) and shmemq_stat(3).

use shmemq_sys as ffi;

/// The attributes of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attributes {
    /// Bytes of the ring.
    pub capacity: u64,
    /// Bytes to which the queue may grow.
    pub capacity_max: u64,
    /// Bytes of the largest message that fits.
    pub message_max: u64,
    /// Messages that may be queued; 0: as many as the ring has space for.
    pub messages_max: u32,
    /// Of every message's first byte.
    pub alignment: u32,
    /// Whether closing the last handle that claims an end removes the name.
    pub temporary: bool,
    /// Whether each consumer gets every message.
    pub broadcast: bool,
    /// Random, made with the queue: one made anew under its name has another.
    pub id: u64,
    /// The creator's own bytes.
    pub user: [u8; 64],
}

impl Attributes {
    pub(crate) fn from_c(attr: &ffi::shmemq_attr) -> Attributes {
        Attributes {
            capacity: attr.capacity,
            capacity_max: attr.capacity_max,
            message_max: attr.message_max,
            messages_max: attr.messages_max,
            alignment: attr.alignment,
            temporary: attr.flags & ffi::SHMEMQ_ATTR_TEMPORARY != 0,
            broadcast: attr.flags & ffi::SHMEMQ_ATTR_BROADCAST != 0,
            id: attr.id,
            user: attr.user,
        }
    }
}

/// The state of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// No handle has claimed it yet.
    Never,
    /// It has a live handle.
    Open,
    /// Its last handle was closed.
    Closed,
    /// The process of its last handle ended without closing it.
    Dead,
    /// A state that this crate does not know.
    Unknown(u32),
}

impl End {
    fn from_c(state: u32) -> End {
        match state {
            ffi::SHMEMQ_END_NEVER => End::Never,
            ffi::SHMEMQ_END_OPEN => End::Open,
            ffi::SHMEMQ_END_CLOSED => End::Closed,
            ffi::SHMEMQ_END_DEAD => End::Dead,
            other => End::Unknown(other),
        }
    }
}

/// The state of a queue. The fields may be from slightly different moments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// Bytes of the ring.
    pub capacity: u64,
    /// Bytes of the ring in use: messages, their headers and padding.
    pub queued_bytes: u64,
    /// Messages pushed and not yet popped.
    pub queued_messages: u64,
    /// Message bytes pushed since creation.
    pub pushed_bytes: u64,
    /// Messages pushed since creation.
    pub pushed_messages: u64,
    /// Message bytes popped since creation.
    pub popped_bytes: u64,
    /// Messages popped since creation.
    pub popped_messages: u64,
    /// Bytes of memory reserved now.
    pub reserved_bytes: u64,
    /// Bytes of memory reserved at most so far.
    pub reserved_bytes_most: u64,
    /// Of a broadcast queue: what the consumer that is furthest back has still to pop.
    pub slowest_bytes: u64,
    /// The same, in messages.
    pub slowest_messages: u64,
    /// Of a follower's handle: bytes of the ring that it has not reached yet.
    pub lag_bytes: u64,
    /// The same, in messages.
    pub lag_messages: u64,
    /// Bytes of the ring that were in use at most.
    pub queued_bytes_most: u64,
    /// The producer end's mark.
    pub producer_mark: u64,
    /// The consumer end's mark.
    pub consumer_mark: u64,
    /// The last push: seconds since 1970, give or take a second of activity; 0: there was none.
    pub pushed_at: u64,
    /// The last pop, likewise.
    pub popped_at: u64,
    /// The producer end.
    pub producer: End,
    /// The consumer end.
    pub consumer: End,
    /// The last process to claim the producer end; 0: none. For display only.
    pub producer_pid: u32,
    /// The last process to claim the consumer end; 0: none. For display only.
    pub consumer_pid: u32,
    /// Whether the producer sleeps until there is space.
    pub producer_waits: bool,
    /// Whether the consumer sleeps until there is a message.
    pub consumer_waits: bool,
    /// Live handles of the producer end.
    pub producers: u32,
    /// Live handles of the consumer end.
    pub consumers: u32,
    /// The process of the slowest consumer; 0: none. For display only.
    pub slowest_pid: u32,
    /// The process that has the producer end, or of a shared one holds it just now; 0: none. For display only.
    pub producer_holder_pid: u32,
    /// The process that has the consumer end, or of a shared one holds it just now; 0: none. For display only.
    pub consumer_holder_pid: u32,
    /// Calls, modulo 2^32, that have found the ring full.
    pub producer_blocked: u32,
    /// Those of them that have slept.
    pub producer_slept: u32,
    /// Calls, modulo 2^32, that have found the queue empty.
    pub consumer_blocked: u32,
    /// Those of them that have slept.
    pub consumer_slept: u32,
}

impl Stat {
    pub(crate) fn from_c(st: &ffi::shmemq_stat) -> Stat {
        Stat {
            capacity: st.capacity,
            queued_bytes: st.queued_bytes,
            queued_messages: st.queued_messages,
            pushed_bytes: st.pushed_bytes,
            pushed_messages: st.pushed_messages,
            popped_bytes: st.popped_bytes,
            popped_messages: st.popped_messages,
            reserved_bytes: st.reserved_bytes,
            reserved_bytes_most: st.reserved_bytes_most,
            slowest_bytes: st.slowest_bytes,
            slowest_messages: st.slowest_messages,
            lag_bytes: st.lag_bytes,
            lag_messages: st.lag_messages,
            producer_mark: st.producer_mark,
            consumer_mark: st.consumer_mark,
            producer: End::from_c(st.producer),
            consumer: End::from_c(st.consumer),
            producer_pid: st.producer_pid,
            consumer_pid: st.consumer_pid,
            producer_waits: st.waiting & ffi::SHMEMQ_WAIT_PRODUCER != 0,
            consumer_waits: st.waiting & ffi::SHMEMQ_WAIT_CONSUMER != 0,
            producers: st.producers,
            consumers: st.consumers,
            slowest_pid: st.slowest_pid,
            queued_bytes_most: st.queued_bytes_most,
            pushed_at: st.pushed_at,
            popped_at: st.popped_at,
            producer_holder_pid: st.producer_holder_pid,
            consumer_holder_pid: st.consumer_holder_pid,
            producer_blocked: st.producer_blocked,
            producer_slept: st.producer_slept,
            consumer_blocked: st.consumer_blocked,
            consumer_slept: st.consumer_slept,
        }
    }
}
