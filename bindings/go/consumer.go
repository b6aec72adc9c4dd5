// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// A Consumer is a claim on the consumer end.
type Consumer struct{ end }

func newConsumer(h *handle) *Consumer {
	if h == nil {
		return nil
	}
	return &Consumer{end{waits{h}}}
}

// Pop copies the next message into the buffer and removes it from the queue. It returns its bytes and its tag. It waits
// while there is none. If the buffer is too small it returns ErrTooLarge, and the message stays.
func (c *Consumer) Pop(buf []byte, timeout time.Duration) (int, uint32, error) {
	return c.pop(nil, buf, timeout)
}

// PopContext does so until the context ends.
func (c *Consumer) PopContext(ctx context.Context, buf []byte) (int, uint32, error) {
	return c.pop(ctx, buf, Forever)
}

// pop is also a follower's.
func (h waits) pop(ctx context.Context, buf []byte, timeout time.Duration) (n int, tag uint32, err error) {
	n, err = h.do(ctx, timeout, ErrEmpty, true, func(t C.int64_t) C.long {
		n := C.go_pop(h.q, bytes(buf), C.size_t(len(buf)), &h.message, t)
		tag = uint32(h.message.tag)
		return n
	})
	if err != nil {
		return 0, 0, err
	}
	return n, tag, nil
}

// A View is a message that is being read in place, and stays in the queue until End. If the process dies or closes the
// handle before, it is delivered again.
type View struct {
	Tag         uint32
	Redelivered bool // an earlier consumer held it, and closed or died

	h    *handle
	turn uint64
	data []byte
}

// PopView waits for the next message and holds it.
func (c *Consumer) PopView(timeout time.Duration) (View, error) { return c.popView(nil, timeout) }

// PopViewContext does so until the context ends.
func (c *Consumer) PopViewContext(ctx context.Context) (View, error) { return c.popView(ctx, Forever) }

func (c *Consumer) popView(ctx context.Context, timeout time.Duration) (v View, err error) {
	_, err = c.do(ctx, timeout, ErrEmpty, true, func(t C.int64_t) C.long {
		m := &c.message
		data := C.go_pop_start(c.q, m, t)
		if data == nil {
			return C.long(-m.error)
		}
		bytes := unsafe.Slice((*byte)(data), int(m.size))
		v = View{uint32(m.tag), m.redelivered == 1, c.handle, c.started(), bytes}
		return 0
	})
	return v, err
}

// Bytes returns the message, in memory that is mapped for reading only: a write ends the program. The slice may be used
// until End or the handle's Close, and not after. Bytes panics if one of them has been called.
func (v View) Bytes() []byte {
	v.h.checkHeld(v.turn)
	return v.data
}

// End removes the message from the queue. A second End returns ErrEnded and does nothing.
func (v View) End() error {
	return v.h.endHeld(v.turn, func() C.long { return C.go_pop_end(v.h.q) })
}

// A Batch is a number of messages that are being read in place. They stay in the queue until End.
type Batch struct {
	h    *handle
	turn uint64
}

// PopBatch waits for one message, and holds up to `max` that are queued.
func (c *Consumer) PopBatch(max int, timeout time.Duration) (Batch, error) {
	return c.popBatch(nil, max, timeout)
}

// PopBatchContext does so until the context ends.
func (c *Consumer) PopBatchContext(ctx context.Context, max int) (Batch, error) {
	return c.popBatch(ctx, max, Forever)
}

// batchMax bounds the memory that describes what a call adds to a batch.
const batchMax = 1 << 16

// grow makes room for `max` more messages in what describes the batch, and returns where these begin.
func (h *handle) grow(count, max int) *C.struct_shmemq_msg {
	const size = C.sizeof_struct_shmemq_msg
	if count+max > h.room {
		h.room = count + max
		// cgo's malloc never fails; a batch is short-lived, and its bytes are not here.
		msgs := (*C.struct_shmemq_msg)(C.malloc(C.size_t(h.room) * size))
		copy(unsafe.Slice(msgs, count), unsafe.Slice(h.msgs, count))
		C.free(unsafe.Pointer(h.msgs))
		h.msgs = msgs
	}
	return (*C.struct_shmemq_msg)(unsafe.Add(unsafe.Pointer(h.msgs), count*size))
}

func (c *Consumer) popBatch(ctx context.Context, max int, timeout time.Duration) (b Batch, err error) {
	if max < 1 {
		return b, invalid
	}
	if max > batchMax {
		max = batchMax
	}
	_, err = c.do(ctx, timeout, ErrEmpty, true, func(t C.int64_t) C.long {
		if c.turn.Load()%2 == 1 {
			return -C.EINVAL
		}
		n := C.go_popm_start(c.q, c.grow(0, max), C.unsigned(max), t)
		if n > 0 {
			c.count = int(n)
			b = Batch{c.handle, c.started()}
		}
		return n
	})
	return b, err
}

// More extends the batch: it waits for a message after those that it holds, and adds up to `max`. It returns how many;
// 0 means that no message can be added before some are released.
func (b Batch) More(max int, timeout time.Duration) (int, error) { return b.more(nil, max, timeout) }

// MoreContext does so until the context ends.
func (b Batch) MoreContext(ctx context.Context, max int) (int, error) {
	return b.more(ctx, max, Forever)
}

func (b Batch) more(ctx context.Context, max int, timeout time.Duration) (int, error) {
	if max < 1 || b.h == nil {
		return 0, invalid
	}
	if max > batchMax {
		max = batchMax
	}
	h := b.h
	return h.do(ctx, timeout, ErrEmpty, true, func(t C.int64_t) C.long {
		if h.turn.Load() != b.turn {
			return -C.EINVAL
		}
		n := C.go_popm_more(h.q, h.grow(h.count, max), C.unsigned(max), t)
		if n > 0 {
			h.count += int(n)
		}
		return n
	})
}

// at describes one message. Its fields are copied: Close may free what it is read from.
func (b Batch) at(i int) C.struct_shmemq_msg {
	h := b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checkHeld(b.turn)
	if h.blocked {
		panic(ErrConcurrent) // More is at work
	}
	return unsafe.Slice(h.msgs, h.count)[i]
}

// Len returns how many messages the batch holds.
func (b Batch) Len() int {
	b.h.mu.Lock()
	defer b.h.mu.Unlock()
	b.h.checkHeld(b.turn)
	return b.h.count
}

// Message returns one of them. The slice may be used until End or the handle's Close: see View.Bytes.
func (b Batch) Message(i int) (data []byte, tag uint32) {
	m := b.at(i)
	return unsafe.Slice((*byte)(m.data), int(m.size)), uint32(m._type)
}

// Redelivered tells whether an earlier consumer held this message, and closed or died.
func (b Batch) Redelivered(i int) bool { return b.at(i).flags&C.SHMEMQ_MSG_REDELIVERED != 0 }

// End removes the first `count` of the messages from the queue. The next pop gets the others.
func (b Batch) End(count int) error {
	if count < 0 {
		return invalid
	}
	return b.h.endHeld(b.turn, func() C.long { return C.go_popm_end(b.h.q, C.unsigned(count)) })
}
