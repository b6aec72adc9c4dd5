// SPDX-License-Identifier: MIT

package shmemq

import "syscall"

// An Error is one of the errors of this package. errors.Is finds it, and also the syscall.Errno under which shmemq(7)
// explains it. What has no name here is returned as a syscall.Errno.
type Error struct {
	errno syscall.Errno
	text  string
}

func (e *Error) Error() string { return "shmemq: " + e.text }

// Unwrap returns the syscall.Errno.
func (e *Error) Unwrap() error { return e.errno }

// Timeout tells whether the call may be repeated later: ErrEmpty, ErrFull and ErrTimeout.
func (e *Error) Timeout() bool { return e.errno.Timeout() }

// What calls return. A call on a handle that this process has closed returns os.ErrClosed.
var (
	ErrEmpty       error = &Error{syscall.EAGAIN, "no message now"}
	ErrFull        error = &Error{syscall.EAGAIN, "no space now"}
	ErrNotYet      error = &Error{syscall.EAGAIN, "not yet"}
	ErrTimeout     error = &Error{syscall.ETIMEDOUT, "timeout"}
	ErrClosed      error = &Error{syscall.EPIPE, "the peer has closed"} // to a consumer: the end of the messages
	ErrOwnerDied   error = &Error{syscall.EOWNERDEAD, "the peer died without closing"}
	ErrBusy        error = &Error{syscall.EBUSY, "the end has a handle, or the handle is in a set"}
	ErrConcurrent  error = &Error{syscall.EBUSY, "another goroutine waits on this handle"}
	ErrTooLarge    error = &Error{syscall.EMSGSIZE, "message larger than the queue's limit or the buffer"}
	ErrOverrun     error = &Error{syscall.EOVERFLOW, "the follower was overtaken"}
	ErrInterrupted error = &Error{syscall.ECANCELED, "interrupted"}
	ErrEnded       error = &Error{syscall.EINVAL, "the message in place has been ended"}
	ErrGarbage     error = &Error{syscall.EBADMSG, "invalid data in the shared memory"}
	ErrNotQueue    error = &Error{syscall.EPROTO, "not a queue that this library can use"}
)

var named = map[syscall.Errno]error{
	syscall.ETIMEDOUT:  ErrTimeout,
	syscall.EPIPE:      ErrClosed,
	syscall.EOWNERDEAD: ErrOwnerDied,
	syscall.EBUSY:      ErrBusy,
	syscall.EMSGSIZE:   ErrTooLarge,
	syscall.EOVERFLOW:  ErrOverrun,
	syscall.ECANCELED:  ErrInterrupted,
	syscall.EBADMSG:    ErrGarbage,
	syscall.EPROTO:     ErrNotQueue,
}

// errorOf names what cgo returns beside the result of a call.
func errorOf(err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		if e, ok := named[errno]; ok {
			return e
		}
	}
	return err
}
