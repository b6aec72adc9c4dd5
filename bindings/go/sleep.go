// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"context"
	"os"
	"time"
)

// A peer that is stopped between its push and its wake-up, or may not make the system call for it, leaves the
// descriptor as it is. Therefore each wait tries again at this interval.
const lookAgain = time.Second

// stopped returns why the wait must end, if it must.
func (w *waiter) stopped(ctx context.Context) error {
	if w.closing {
		return os.ErrClosed
	}
	if ctx != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if w.interrupted {
		w.interrupted = false
		return ErrInterrupted
	}
	return nil
}

// wake makes a wait look at stopped() again. A wait sets its deadline, or `blocked`, before it looks: so either it sees
// what has changed before this call, or this call ends it.
func (w *waiter) wake() {
	if w.waiting && w.file != nil {
		w.file.SetReadDeadline(time.Unix(1, 0))
	}
	if w.blocked {
		C.shmemq_interrupt(w.q)
	}
}

func (w *waiter) watch(ctx context.Context, stop chan struct{}) {
	select {
	case <-ctx.Done():
		w.mu.Lock()
		w.wake()
		w.mu.Unlock()
	case <-stop:
	}
}

func (w *waiter) poll(ctx context.Context, deadline time.Time, op operation) (int, error) {
	for {
		now := time.Now()
		until := now.Add(lookAgain)
		if !deadline.IsZero() && deadline.Before(until) {
			until = deadline
		}
		if err := w.file.SetReadDeadline(until); err != nil {
			return 0, err
		}
		n, err := w.try(0, op)
		if err != nil {
			return 0, err
		}
		if !shouldWait(n) {
			return result(n)
		}
		w.mu.Lock()
		err = w.stopped(ctx)
		w.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if !deadline.IsZero() && !now.Before(deadline) {
			return 0, ErrTimeout
		}
		w.park()
	}
}

// park waits until the descriptor is readable, or the deadline. Read forgets what epoll has told before, so that the
// descriptor is asked once more.
func (w *waiter) park() {
	asked := false
	_ = w.raw.Read(func(fd uintptr) bool {
		if asked {
			return true
		}
		asked = true
		return C.go_readable(C.int(fd)) != 0
	})
}

func (w *waiter) block(ctx context.Context, deadline time.Time, op operation) (int, error) {
	for {
		left := C.int64_t(-1)
		if !deadline.IsZero() {
			left = C.int64_t(time.Until(deadline))
			if left < 0 {
				left = 0
			}
		}
		w.mu.Lock()
		if err := w.stopped(ctx); err != nil {
			w.mu.Unlock()
			return 0, err
		}
		w.blocked = true
		w.mu.Unlock()
		n := op(left)
		w.mu.Lock()
		w.blocked = false
		w.idle.Broadcast()
		w.mu.Unlock()
		if !shouldWait(n) {
			return result(n)
		}
		if left == 0 {
			return 0, ErrTimeout
		}
	}
}
