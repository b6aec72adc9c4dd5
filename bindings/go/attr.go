// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"time"
	"unsafe"
)

// Attr holds the attributes of a queue, as explained in shmemq_open(3). Zero is the default in every field.
type Attr struct {
	Capacity    uint64   // bytes of the ring
	CapacityMax uint64   // bytes to which it may grow
	MessageMax  uint64   // set by Attr: bytes of the largest message
	MessagesMax uint32   // how many messages may be queued
	Alignment   uint32   // of each message's first byte
	Temporary   bool     // the last close removes the name
	Broadcast   bool     // each consumer gets every message
	ID          uint64   // set by Attr: made with the queue
	User        [64]byte // the creator's own
}

func (a *Attr) toC() C.struct_shmemq_attr {
	c := C.struct_shmemq_attr{
		capacity:     C.uint64_t(a.Capacity),
		capacity_max: C.uint64_t(a.CapacityMax),
		messages_max: C.uint32_t(a.MessagesMax),
		alignment:    C.uint32_t(a.Alignment),
	}
	if a.Temporary {
		c.flags |= C.SHMEMQ_ATTR_TEMPORARY
	}
	if a.Broadcast {
		c.flags |= C.SHMEMQ_ATTR_BROADCAST
	}
	copy((*[64]byte)(unsafe.Pointer(&c.user))[:], a.User[:])
	return c
}

// Attr returns the queue's attributes.
func (h *handle) Attr() (Attr, error) {
	var c C.struct_shmemq_attr

	if err := h.lock(); err != nil {
		return Attr{}, err
	}
	defer h.unlock()
	if n, err := C.shmemq_getattr(h.q, &c); n != 0 {
		return Attr{}, errorOf(err)
	}
	return Attr{
		Capacity:    uint64(c.capacity),
		CapacityMax: uint64(c.capacity_max),
		MessageMax:  uint64(c.message_max),
		MessagesMax: uint32(c.messages_max),
		Alignment:   uint32(c.alignment),
		Temporary:   c.flags&C.SHMEMQ_ATTR_TEMPORARY != 0,
		Broadcast:   c.flags&C.SHMEMQ_ATTR_BROADCAST != 0,
		ID:          uint64(c.id),
		User:        *(*[64]byte)(unsafe.Pointer(&c.user)),
	}, nil
}

// EndState is the state of an end.
type EndState uint32

// The states of an end.
const (
	EndNever  EndState = C.SHMEMQ_END_NEVER  // no handle has claimed it yet
	EndOpen   EndState = C.SHMEMQ_END_OPEN   // it has a live handle
	EndClosed EndState = C.SHMEMQ_END_CLOSED // its last handle was closed
	EndDead   EndState = C.SHMEMQ_END_DEAD   // the process of its last handle ended without closing it
)

// Stat is the state of a queue, as explained in shmemq_stat(3). The fields may be from slightly different moments.
type Stat struct {
	Capacity, QueuedBytes, QueuedMessages                           uint64
	PushedBytes, PushedMessages, PoppedBytes, PoppedMessages        uint64
	ReservedBytes, ReservedBytesMost, SlowestBytes, SlowestMessages uint64
	LagBytes, LagMessages                                           uint64 // of this handle, a follower's
	QueuedBytesMost                                                 uint64
	ProducerMark, ConsumerMark                                      uint64
	Producer, Consumer                                              EndState
	ProducerPID, ConsumerPID, SlowestPID                            uint32 // for display only
	Producers, Consumers                                            uint32
	ProducerWaits, ConsumerWaits                                    bool
	PushedAt, PoppedAt                                              time.Time // zero: never
	ProducerHolderPID, ConsumerHolderPID                            uint32    // for display only
	ProducerBlocked, ProducerSlept                                  uint32    // calls, modulo 2^32
	ConsumerBlocked, ConsumerSlept                                  uint32
}

// timeOf returns the time for seconds since 1970, of which 0 means never.
func timeOf(seconds C.uint64_t) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// Stat returns the state of the queue.
func (h *handle) Stat() (Stat, error) {
	var c C.struct_shmemq_stat

	if err := h.lock(); err != nil {
		return Stat{}, err
	}
	defer h.unlock()
	if n, err := C.shmemq_stat(h.q, &c); n != 0 {
		return Stat{}, errorOf(err)
	}
	return Stat{
		Capacity:          uint64(c.capacity),
		QueuedBytes:       uint64(c.queued_bytes),
		QueuedMessages:    uint64(c.queued_messages),
		PushedBytes:       uint64(c.pushed_bytes),
		PushedMessages:    uint64(c.pushed_messages),
		PoppedBytes:       uint64(c.popped_bytes),
		PoppedMessages:    uint64(c.popped_messages),
		ReservedBytes:     uint64(c.reserved_bytes),
		ReservedBytesMost: uint64(c.reserved_bytes_most),
		SlowestBytes:      uint64(c.slowest_bytes),
		SlowestMessages:   uint64(c.slowest_messages),
		LagBytes:          uint64(c.lag_bytes),
		LagMessages:       uint64(c.lag_messages),
		ProducerMark:      uint64(c.producer_mark),
		ConsumerMark:      uint64(c.consumer_mark),
		Producer:          EndState(c.producer),
		Consumer:          EndState(c.consumer),
		ProducerPID:       uint32(c.producer_pid),
		ConsumerPID:       uint32(c.consumer_pid),
		SlowestPID:        uint32(c.slowest_pid),
		Producers:         uint32(c.producers),
		Consumers:         uint32(c.consumers),
		QueuedBytesMost:   uint64(c.queued_bytes_most),
		PushedAt:          timeOf(c.pushed_at),
		PoppedAt:          timeOf(c.popped_at),
		ProducerHolderPID: uint32(c.producer_holder_pid),
		ConsumerHolderPID: uint32(c.consumer_holder_pid),
		ProducerBlocked:   uint32(c.producer_blocked),
		ProducerSlept:     uint32(c.producer_slept),
		ConsumerBlocked:   uint32(c.consumer_blocked),
		ConsumerSlept:     uint32(c.consumer_slept),
		ProducerWaits:     c.waiting&C.SHMEMQ_WAIT_PRODUCER != 0,
		ConsumerWaits:     c.waiting&C.SHMEMQ_WAIT_CONSUMER != 0,
	}, nil
}
