// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// handle is what the four kinds have in common.
type handle struct {
	waiter
	name    string
	message C.struct_go_message // what the last call has said; of the one that holds the lock
	// Counts the starts and ends of messages in place: odd while one is held. What is held now has this number.
	turn atomic.Uint64
	// Of a consumer: what it holds as a batch.
	msgs  *C.struct_shmemq_msg
	room  int
	count int
	id    uintptr // in its set
}

func (h *handle) base() *handle { return h }

// Name returns the name by which the handle was opened.
func (h *handle) Name() string { return h.name }

// Close releases the end; the peer is told at once. It may be called while another goroutine waits, whose call then
// returns os.ErrClosed. A message that is held in place returns to the queue, and its bytes must not be touched any
// more: they are not mapped.
func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return os.ErrClosed
	}
	h.closing = true
	h.wake()
	for h.waiting || h.blocked {
		h.idle.Wait()
	}
	if h.in != nil {
		h.in.mu.Lock()
		defer h.in.mu.Unlock()
		delete(h.in.members, h.id)
	}
	runtime.SetFinalizer(h, nil)
	h.turn.Add(h.turn.Load()%2 + 2) // what is held is held no more
	if h.file != nil {
		h.file.Close()
	}
	n, err := C.shmemq_close(h.q)
	h.q = nil
	C.free(unsafe.Pointer(h.msgs))
	h.msgs = nil
	if n != 0 {
		return errorOf(err)
	}
	return nil
}

// finalize is a net for a handle that was forgotten. If it holds a message in place, a slice of that may still be in
// use: so nothing is unmapped.
func (h *handle) finalize() {
	if h.turn.Load()%2 == 0 {
		_ = h.Close()
	}
}

// DupFile returns a new descriptor of the queue, to be passed on; the caller closes it.
func (h *handle) DupFile() (*os.File, error) {
	if err := h.lock(); err != nil {
		return nil, err
	}
	defer h.unlock()
	fd, err := C.shmemq_dupfd(h.q)
	if fd < 0 {
		return nil, errorOf(err)
	}
	return os.NewFile(uintptr(fd), "shmemq"), nil
}

// started notes that a message is held in place, and returns its number.
func (h *handle) started() uint64 { return h.turn.Add(1) }

// checkHeld panics if that message has been ended, because its bytes may be another's by now.
func (h *handle) checkHeld(turn uint64) {
	if h == nil || h.turn.Load() != turn {
		panic("shmemq: a message in place is used after its end")
	}
}

// endHeld ends that message by a call of the library.
func (h *handle) endHeld(turn uint64, end func() C.long) error {
	if h == nil {
		return ErrEnded
	}
	if err := h.lock(); err != nil {
		return err
	}
	defer h.unlock()
	if h.turn.Load() != turn {
		return ErrEnded
	}
	n := end()
	if n == 0 {
		h.turn.Add(1)
	}
	_, err := result(n)
	return err
}

// waits is what handles have that can wait.
type waits struct{ *handle }

// Interrupt ends the wait of another goroutine with ErrInterrupted; if none waits, the next wait.
func (h waits) Interrupt() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return os.ErrClosed
	}
	h.interrupted = true
	h.wake()
	return nil
}

// end is what handles have that claim an end.
type end struct{ waits }

// Mark sets the mark that comes into force with the next push, pop or end of a message: see shmemq_mark(3).
func (h end) Mark(mark uint64) error {
	if err := h.lock(); err != nil {
		return err
	}
	defer h.unlock()
	if n, err := C.shmemq_mark(h.q, C.uint64_t(mark)); n != 0 {
		return errorOf(err)
	}
	return nil
}

// WaitPeer waits until the other end has a live handle. It waits in a thread.
func (h end) WaitPeer(timeout time.Duration) error { return h.waitPeer(nil, timeout) }

// WaitPeerContext does so until the context ends.
func (h end) WaitPeerContext(ctx context.Context) error { return h.waitPeer(ctx, Forever) }

func (h end) waitPeer(ctx context.Context, timeout time.Duration) error {
	_, err := h.do(ctx, timeout, ErrNotYet, false, func(t C.int64_t) C.long { return C.go_wait_peer(h.q, t) })
	return err
}

// An Observer claims no end and moves no message.
type Observer struct{ *handle }

func newObserver(h *handle) *Observer {
	if h == nil {
		return nil
	}
	return &Observer{h}
}

// bytes returns the slice's memory in a form that cgo need not look through.
func bytes(b []byte) *C.uchar {
	if len(b) == 0 {
		return nil
	}
	return (*C.uchar)(unsafe.Pointer(&b[0]))
}

// invalid is what the library says of an argument.
const invalid = syscall.EINVAL
