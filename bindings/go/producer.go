// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// A Producer is a claim on the producer end.
type Producer struct{ end }

func newProducer(h *handle) *Producer {
	if h == nil {
		return nil
	}
	return &Producer{end{waits{h}}}
}

// Push copies a message into the queue, with a tag of the caller's. It waits while there is no space.
func (p *Producer) Push(data []byte, tag uint32, timeout time.Duration) error {
	return p.push(nil, data, tag, timeout)
}

// PushContext does so until the context ends.
func (p *Producer) PushContext(ctx context.Context, data []byte, tag uint32) error {
	return p.push(ctx, data, tag, Forever)
}

func (p *Producer) push(ctx context.Context, data []byte, tag uint32, timeout time.Duration) error {
	_, err := p.do(ctx, timeout, ErrFull, true, func(t C.int64_t) C.long {
		return C.go_push(p.q, bytes(data), C.size_t(len(data)), C.uint32_t(tag), t)
	})
	return err
}

// PushVec pushes one message that is put together of several buffers.
func (p *Producer) PushVec(buffers [][]byte, tag uint32, timeout time.Duration) error {
	return p.pushVec(nil, buffers, tag, timeout)
}

// PushVecContext does so until the context ends.
func (p *Producer) PushVecContext(ctx context.Context, buffers [][]byte, tag uint32) error {
	return p.pushVec(ctx, buffers, tag, Forever)
}

// pushVec copies into the ring itself: C must not be given Go memory that points to Go memory.
func (p *Producer) pushVec(ctx context.Context, buffers [][]byte, tag uint32, timeout time.Duration) error {
	size := 0
	for _, b := range buffers {
		size += len(b)
	}
	r, err := p.pushStart(ctx, size, timeout)
	if err != nil {
		return err
	}
	data := r.Bytes()
	for _, b := range buffers {
		data = data[copy(data, b):]
	}
	return r.End(size, tag)
}

// A Reservation is a message that is being written in place.
type Reservation struct {
	h    *handle
	turn uint64
	data []byte
}

// PushStart reserves space for a message in the ring, to be written there.
func (p *Producer) PushStart(size int, timeout time.Duration) (Reservation, error) {
	return p.pushStart(nil, size, timeout)
}

// PushStartContext does so until the context ends.
func (p *Producer) PushStartContext(ctx context.Context, size int) (Reservation, error) {
	return p.pushStart(ctx, size, Forever)
}

func (p *Producer) pushStart(ctx context.Context, size int, timeout time.Duration) (r Reservation, err error) {
	if size < 0 {
		return r, invalid
	}
	_, err = p.do(ctx, timeout, ErrFull, true, func(t C.int64_t) C.long {
		data := C.go_push_start(p.q, C.size_t(size), &p.message, t)
		if data == nil {
			return C.long(-p.message.error)
		}
		r = Reservation{p.handle, p.started(), unsafe.Slice((*byte)(data), size)}
		return 0
	})
	return r, err
}

// Bytes returns the memory of the message, which may be used until End, Cancel or the handle's Close, and not after. It
// panics if one of them has been called.
func (r Reservation) Bytes() []byte {
	r.h.checkHeld(r.turn)
	return r.data
}

// End pushes the first `size` bytes as a message.
func (r Reservation) End(size int, tag uint32) error {
	if size < 0 {
		return invalid
	}
	return r.h.endHeld(r.turn, func() C.long {
		return C.go_push_end(r.h.q, C.size_t(size), C.uint32_t(tag))
	})
}

// Cancel pushes nothing. After End it returns ErrEnded and does nothing, so it may be deferred.
func (r Reservation) Cancel() error {
	return r.h.endHeld(r.turn, func() C.long { return C.go_push_cancel(r.h.q) })
}

// A Message is one of PushBatch.
type Message struct {
	Data []byte
	Tag  uint32
}

// flat is how messages are passed to go_pushm.
type flat struct {
	data  []byte
	sizes [C.GO_BATCH]C.size_t
	tags  [C.GO_BATCH]C.uint32_t
	count int
}

// Larger messages are not copied once more, but pushed one by one.
const flatBytes = 64 << 10

var flats = sync.Pool{New: func() any { return &flat{data: make([]byte, 0, flatBytes)} }}

func (f *flat) fill(msgs []Message) {
	f.data, f.count = f.data[:0], 0
	for _, m := range msgs {
		if f.count == C.GO_BATCH || len(m.Data) > flatBytes-len(f.data) {
			break
		}
		f.data = append(f.data, m.Data...)
		f.sizes[f.count], f.tags[f.count] = C.size_t(len(m.Data)), C.uint32_t(m.Tag)
		f.count++
	}
}

func (f *flat) push(h *handle, timeout C.int64_t) C.long {
	data := bytes(f.data[:cap(f.data)])
	return C.go_pushm(h.q, data, &f.sizes[0], &f.tags[0], C.unsigned(f.count), timeout)
}

// PushBatch pushes messages in their order. It waits for space for the first one only, and returns how many it has
// pushed: an error means none. Messages that stand after one that can never be pushed are not tried.
func (p *Producer) PushBatch(msgs []Message, timeout time.Duration) (int, error) {
	return p.pushBatch(nil, msgs, timeout)
}

// PushBatchContext does so until the context ends.
func (p *Producer) PushBatchContext(ctx context.Context, msgs []Message) (int, error) {
	return p.pushBatch(ctx, msgs, Forever)
}

func (p *Producer) pushBatch(ctx context.Context, msgs []Message, timeout time.Duration) (int, error) {
	done := 0
	f := flats.Get().(*flat)
	defer flats.Put(f)
	for done < len(msgs) {
		f.fill(msgs[done:])
		n, tried, err := 1, 1, error(nil)
		if f.count == 0 {
			err = p.push(ctx, msgs[done].Data, msgs[done].Tag, timeout)
		} else {
			tried = f.count
			n, err = p.do(ctx, timeout, ErrFull, true, func(t C.int64_t) C.long {
				return f.push(p.handle, t)
			})
		}
		if err != nil {
			if done > 0 {
				err = nil
			}
			return done, err
		}
		done += n
		if n < tried {
			break
		}
		ctx, timeout = nil, 0
	}
	return done, nil
}

// WaitEmpty waits until all that has been pushed before the call has been popped. It waits in a thread.
func (p *Producer) WaitEmpty(timeout time.Duration) error { return p.waitEmpty(nil, timeout) }

// WaitEmptyContext does so until the context ends.
func (p *Producer) WaitEmptyContext(ctx context.Context) error { return p.waitEmpty(ctx, Forever) }

func (p *Producer) waitEmpty(ctx context.Context, timeout time.Duration) error {
	_, err := p.do(ctx, timeout, ErrNotYet, false, func(t C.int64_t) C.long { return C.go_wait_empty(p.q, t) })
	return err
}
