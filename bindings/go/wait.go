// SPDX-License-Identifier: MIT

package shmemq

// #cgo pkg-config: libshmemq
// #include "call.h"
import "C"

import (
	"context"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// A wait first looks for so long in C whether the peer is about to answer, unless that was of no use before.
	spinTime   = 10 * time.Microsecond
	spinMisses = 8
	spinAgain  = 64
)

// A waiter is what handles and sets have in common: one call of the library at a time, and one wait.
//
// A wait does not stay in C. It fails with EAGAIN there, which clears the descriptor, and then waits for that in the
// runtime's own epoll, without a thread. Only where there is no descriptor (a user has 128 by default, in all of his
// programs) a call waits in C, in a thread of its own.
type waiter struct {
	mu          sync.Mutex // held during each call of the library but one that waits in C: then `blocked` is true
	idle        sync.Cond  // waiting or blocked has become false
	closing     bool
	waiting     bool // a goroutine is in wait()
	blocked     bool
	interrupted bool
	spins       bool
	misses      int

	q    *C.struct_shmemq
	s    *C.struct_shmemq_set // of a Set
	in   *Set                 // of a handle: the set that it is in; its mutex comes after mu
	file *os.File             // a copy of the descriptor, in the runtime's epoll
	raw  syscall.RawConn
}

func (w *waiter) init(nospin bool) {
	w.idle.L = &w.mu
	w.spins = !nospin && runtime.NumCPU() > 1 && runtime.GOMAXPROCS(0) > 1
}

// lock makes this goroutine the only one in the library, as far as this handle and its set are concerned.
func (w *waiter) lock() error {
	w.mu.Lock()
	if w.closing || w.blocked {
		defer w.mu.Unlock()
		if w.closing {
			return os.ErrClosed
		}
		return ErrConcurrent
	}
	if w.in != nil {
		w.in.mu.Lock()
	}
	return nil
}

func (w *waiter) unlock() {
	if w.in != nil {
		w.in.mu.Unlock()
	}
	w.mu.Unlock()
}

// An operation is a call of the library: given a timeout in nanoseconds, it returns a result or -errno. It is a
// parameter of functions that only call it, so that the compiler leaves it on the stack.
type operation func(timeout C.int64_t) C.long

// try makes the call once. Before a wait of this timeout it looks for a moment, if that is worthwhile.
func (w *waiter) try(timeout time.Duration, op operation) (C.long, error) {
	if err := w.lock(); err != nil {
		return 0, err
	}
	spin := w.spin(timeout)
	n := op(C.int64_t(spin))
	if spin > 0 {
		if n >= 0 {
			w.misses = 0
		} else {
			w.misses++
		}
	}
	w.unlock()
	return n, nil
}

// spin returns for how long the first try should look. Once there is a descriptor, a try without a timeout that fails
// costs system calls on both sides; this does not.
func (w *waiter) spin(timeout time.Duration) time.Duration {
	if timeout == 0 || !w.spins || w.misses >= spinMisses && w.misses%spinAgain != 0 {
		return 0
	}
	if timeout > 0 && timeout < spinTime {
		return timeout
	}
	return spinTime
}

// shouldWait tells whether the operation has only not been possible yet.
func shouldWait(n C.long) bool {
	switch syscall.Errno(-n) {
	case syscall.EAGAIN, syscall.ETIMEDOUT, syscall.EINTR, syscall.ECANCELED:
		return n < 0
	}
	return false
}

func result(n C.long) (int, error) {
	if n < 0 {
		return 0, errorOf(syscall.Errno(-n))
	}
	return int(n), nil
}

// do makes the call, and waits if it has to. `none` is the error if it may not. Without `pollable` the descriptor does
// not tell of what is waited for.
func (w *waiter) do(ctx context.Context, timeout time.Duration, none error, pollable bool, op operation) (int, error) {
	if ctx != nil {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	n, err := w.try(timeout, op)
	if err != nil {
		return 0, err
	}
	if !shouldWait(n) {
		return result(n)
	}
	if timeout == 0 {
		return 0, none
	}
	return w.wait(ctx, timeout, pollable, op)
}

func (w *waiter) wait(ctx context.Context, timeout time.Duration, pollable bool, op operation) (int, error) {
	var deadline time.Time // zero: never

	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	polls, err := w.begin(pollable)
	if err != nil {
		return 0, err
	}
	defer w.end()
	if ctx != nil && ctx.Done() != nil {
		stop := make(chan struct{})
		defer close(stop)
		go w.watch(ctx, stop)
	}
	if polls {
		return w.poll(ctx, deadline, op)
	}
	return w.block(ctx, deadline, op)
}

// begin makes this goroutine the one that waits, and tells whether it can do so by the descriptor.
func (w *waiter) begin(pollable bool) (bool, error) {
	if err := w.lock(); err != nil {
		return false, err
	}
	defer w.unlock()
	if w.waiting {
		return false, ErrConcurrent
	}
	if !pollable && w.in != nil {
		return false, ErrBusy
	}
	polls := false
	if pollable {
		var err error
		if polls, err = w.makeFile(); err != nil {
			return false, err
		}
	}
	w.waiting = true
	return polls, nil
}

func (w *waiter) makeFile() (bool, error) {
	var fd C.int
	var err error

	if w.file != nil {
		return true, nil
	}
	if w.s != nil {
		fd, err = C.shmemq_set_fd(w.s)
	} else {
		fd, err = C.shmemq_pollfd(w.q)
	}
	if fd < 0 {
		switch err {
		case syscall.EBADF, syscall.EBUSY, syscall.EINVAL, syscall.EPERM:
			return false, errorOf(err)
		}
		return false, nil // a limit, or a system without: wait in C
	}
	if fd = C.go_dup(fd); fd < 0 {
		return false, nil
	}
	file := os.NewFile(uintptr(fd), "shmemq")
	raw, err := file.SyscallConn()
	if err != nil || file.SetReadDeadline(time.Time{}) != nil { // not in the runtime's epoll
		file.Close()
		return false, nil
	}
	w.file, w.raw = file, raw
	return true, nil
}

func (w *waiter) end() {
	w.mu.Lock()
	w.waiting = false
	w.idle.Broadcast()
	w.mu.Unlock()
}
