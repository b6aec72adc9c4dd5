// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"time"
)

// A Member is what a Set can hold: a Producer, Consumer or Follower.
type Member interface{ base() *handle }

// A Set waits for any of many handles. A handle can be added before its first wait; while it is in a set, its calls do
// not wait, but return ErrBusy where they would have to.
type Set struct {
	waiter
	members map[uintptr]Member
	next    uintptr
	ids     [C.GO_BATCH]C.uintptr_t
}

// OpenSet makes a set.
func OpenSet() (*Set, error) {
	s, err := C.shmemq_set_open()
	if s == nil {
		return nil, errorOf(err)
	}
	set := &Set{members: map[uintptr]Member{}}
	set.s = s
	set.init(true)
	runtime.SetFinalizer(set, func(s *Set) { _ = s.Close() })
	return set, nil
}

// Close frees the set; its handles remain open.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return os.ErrClosed
	}
	s.closing = true
	s.wake()
	for s.waiting {
		s.idle.Wait()
	}
	runtime.SetFinalizer(s, nil)
	if s.file != nil {
		s.file.Close()
	}
	_, _ = C.shmemq_set_close(s.s) // fails without a set alone
	s.members = nil
	return nil
}

func (s *Set) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// Add adds a handle.
func (s *Set) Add(m Member) error {
	h := m.base()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closing:
		return os.ErrClosed
	case h.blocked, h.waiting:
		return ErrConcurrent
	case h.in != nil && !h.in.closed():
		return ErrBusy
	}
	h.in = nil
	if err := s.lock(); err != nil {
		return err
	}
	defer s.unlock()
	s.next++
	if n, err := C.go_set_add(s.s, h.q, C.uintptr_t(s.next)); n != 0 {
		return errorOf(err)
	}
	s.members[s.next] = m
	h.in, h.id = s, s.next
	return nil
}

// Remove removes a handle; its Close does so, too.
func (s *Set) Remove(m Member) error {
	h := m.base()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return os.ErrClosed
	}
	if h.in != s {
		return syscall.ENOENT
	}
	if err := s.lock(); err != nil {
		return err
	}
	defer s.unlock()
	if n, err := C.shmemq_set_remove(s.s, h.q); n != 0 {
		return errorOf(err)
	}
	delete(s.members, h.id)
	h.in = nil
	return nil
}

// Wait waits until a handle is worth a try, and stores up to len(ready) of those that are, at most 64. For each of them
// push or pop with the timeout Try, until that returns ErrFull or ErrEmpty, or as often as you like: until then a
// handle stays ready.
func (s *Set) Wait(ready []Member, timeout time.Duration) (int, error) {
	return s.waitReady(nil, ready, timeout)
}

// WaitContext does so until the context ends.
func (s *Set) WaitContext(ctx context.Context, ready []Member) (int, error) {
	return s.waitReady(ctx, ready, Forever)
}

func (s *Set) waitReady(ctx context.Context, ready []Member, timeout time.Duration) (int, error) {
	if len(ready) == 0 {
		return 0, invalid
	}
	return s.do(ctx, timeout, ErrNotYet, true, func(C.int64_t) C.long {
		n := C.go_set_wait(s.s, &s.ids[0], C.int(len(ready)))
		for i := 0; i < int(n); i++ {
			ready[i] = s.members[uintptr(s.ids[i])]
		}
		return n
	})
}
