// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"context"
	"time"
)

// A Follower reads copies of what is pushed. It claims no end and holds nobody up.
type Follower struct{ waits }

func newFollower(h *handle) *Follower {
	if h == nil {
		return nil
	}
	return &Follower{waits{h}}
}

// Pop copies the next message into the buffer: see Consumer.Pop. ErrOverrun says that messages were overwritten before
// they were read; the next Pop goes on at the oldest one that is intact, and Seek(Oldest) tells how many were lost.
func (f *Follower) Pop(buf []byte, timeout time.Duration) (int, uint32, error) {
	return f.pop(nil, buf, timeout)
}

// PopContext does so until the context ends.
func (f *Follower) PopContext(ctx context.Context, buf []byte) (int, uint32, error) {
	return f.pop(ctx, buf, Forever)
}

// Whence is where Seek moves a follower.
type Whence int

// The places.
const (
	Newest Whence = C.SHMEMQ_NEWEST // before the next push
	Queued Whence = C.SHMEMQ_QUEUED // before the first message that the consumer has not popped
	Oldest Whence = C.SHMEMQ_OLDEST // before the oldest message that is intact
)

// Seek moves the follower, and returns how many messages it has passed over since its last pop.
func (f *Follower) Seek(whence Whence) (lost uint64, err error) {
	var passed C.uint64_t

	if err := f.lock(); err != nil {
		return 0, err
	}
	defer f.unlock()
	if n, err := C.shmemq_seek(f.q, C.int(whence), &passed); n != 0 {
		return 0, errorOf(err)
	}
	return uint64(passed), nil
}
