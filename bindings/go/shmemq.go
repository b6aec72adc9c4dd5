// SPDX-License-Identifier: MIT

/*
Package shmemq is libshmemq for Go: message queues in shared memory, between processes on one machine. shmemq(7) is
the overview of the library, and tells what it guarantees; a name here is found there in lower case with `shmemq_`
before it.

# Waiting

A timeout of Try (0) tries once, one of Forever (negative) waits for ever. The calls whose names end in Context wait
until the context ends, and then return its error at once. A goroutine that waits takes no thread and no processor
time: it sleeps in the runtime's own epoll, as one that reads from a socket. Only WaitPeer and WaitEmpty take a
thread while they wait, and the other calls where no descriptor can be had: a user has 128 of these by default (the
sysctl setting fs.inotify.max_user_instances), of which each handle takes one with its first wait. Use a Set for
more.

# Goroutines

Any goroutine may use a handle, and several may call at the same time: a mutex puts their calls in order. One of them
at a time may wait; another one that would have to gets ErrConcurrent. But between the start of a message in place
(PopView, PopBatch, PushStart) and its end all other calls that move messages fail with EINVAL, whichever goroutine
makes them. So goroutines that share the work open a handle each, with Options.Shared.

# Memory

Bytes of a View, a Batch or a Reservation are memory of the queue itself, outside Go's heap. They may be used until
the message is ended or the handle closed: afterwards they are another message's, or not mapped at all, and an access
ends the program. The methods panic after the end; a slice that they returned before cannot be taken back, so do not
keep it.

Close each handle. The garbage collector closes what was forgotten, but some time later, and not while a message is
held. A process that exits without Close has died, as far as its peer can tell.
*/
package shmemq

import "time"

// Timeouts.
const (
	Try     time.Duration = 0  // do not wait
	Forever time.Duration = -1 // wait for ever
)
