// SPDX-License-Identifier: MIT

package shmemq

// #include "call.h"
import "C"

import (
	"io/fs"
	"os"
	"runtime"
	"unsafe"
)

// Options says how a handle is opened: see shmemq_open(3). nil is the same as &Options{}.
type Options struct {
	Create    bool // make the queue if the name does not exist
	Exclusive bool // with Create: fail if it does
	Stay      bool // a call that waits waits on when the peer has closed or died, for the next one
	Shared    bool // this end may have many handles, all opened with this
	Prefault  bool // map all of the ring now
	NoSpin    bool // a call that waits sleeps at once

	Mode fs.FileMode // of a queue that is made, less the umask; 0 is 0600
	Attr Attr        // of a queue that is made
}

func (o *Options) flags() C.unsigned {
	flags := C.unsigned(0)
	for _, option := range []struct {
		set  bool
		flag C.unsigned
	}{
		{o.Create, C.SHMEMQ_CREATE},
		{o.Exclusive, C.SHMEMQ_EXCL},
		{o.Stay, C.SHMEMQ_STAY},
		{o.Shared, C.SHMEMQ_SHARED},
		{o.Prefault, C.SHMEMQ_PREFAULT},
		{o.NoSpin, C.SHMEMQ_NOSPIN},
	} {
		if option.set {
			flags |= option.flag
		}
	}
	return flags
}

func (o *Options) orDefault() *Options {
	if o == nil {
		return &Options{}
	}
	return o
}

// newHandle takes over what shmemq_open or shmemq_fdopen has returned.
func newHandle(q *C.struct_shmemq, err error, name string, o *Options) (*handle, error) {
	if q == nil {
		return nil, &fs.PathError{Op: "shmemq open", Path: name, Err: errorOf(err)}
	}
	h := &handle{name: name}
	h.q = q
	h.init(o.NoSpin)
	runtime.SetFinalizer(h, (*handle).finalize)
	return h, nil
}

func open(name string, role C.unsigned, o *Options) (*handle, error) {
	o = o.orDefault()
	attr := o.Attr.toC()
	mode := o.Mode.Perm()
	if mode == 0 {
		mode = 0o600
	}
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	q, err := C.shmemq_open(text, role|o.flags(), C.mode_t(mode), &attr)
	return newHandle(q, err, name, o)
}

func openFile(f *os.File, role C.unsigned, o *Options) (h *handle, err error) {
	o = o.orDefault()
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	failed := raw.Control(func(fd uintptr) {
		q, errno := C.shmemq_fdopen(C.int(fd), role|o.flags())
		h, err = newHandle(q, errno, f.Name(), o)
	})
	if failed != nil {
		return nil, failed
	}
	return h, err
}

// OpenProducer claims the producer end of a queue.
func OpenProducer(name string, o *Options) (*Producer, error) {
	h, err := open(name, C.SHMEMQ_PRODUCER, o)
	return newProducer(h), err
}

// OpenProducerFile does so by a descriptor, of Memfd or DupFile. The file remains the caller's.
func OpenProducerFile(f *os.File, o *Options) (*Producer, error) {
	h, err := openFile(f, C.SHMEMQ_PRODUCER, o)
	return newProducer(h), err
}

// OpenConsumer claims the consumer end of a queue.
func OpenConsumer(name string, o *Options) (*Consumer, error) {
	h, err := open(name, C.SHMEMQ_CONSUMER, o)
	return newConsumer(h), err
}

// OpenConsumerFile does so by a descriptor, of Memfd or DupFile. The file remains the caller's.
func OpenConsumerFile(f *os.File, o *Options) (*Consumer, error) {
	h, err := openFile(f, C.SHMEMQ_CONSUMER, o)
	return newConsumer(h), err
}

// OpenFollower opens a queue to read what is pushed, without a claim.
func OpenFollower(name string, o *Options) (*Follower, error) {
	h, err := open(name, C.SHMEMQ_FOLLOWER, o)
	return newFollower(h), err
}

// OpenFollowerFile does so by a descriptor, of Memfd or DupFile. The file remains the caller's.
func OpenFollowerFile(f *os.File, o *Options) (*Follower, error) {
	h, err := openFile(f, C.SHMEMQ_FOLLOWER, o)
	return newFollower(h), err
}

// OpenObserver opens a queue for Stat, Attr and DupFile alone. With Create it makes a queue and claims no end.
func OpenObserver(name string, o *Options) (*Observer, error) {
	h, err := open(name, C.SHMEMQ_OBSERVER, o)
	return newObserver(h), err
}

// OpenObserverFile does so by a descriptor, of Memfd or DupFile. The file remains the caller's.
func OpenObserverFile(f *os.File, o *Options) (*Observer, error) {
	h, err := openFile(f, C.SHMEMQ_OBSERVER, o)
	return newObserver(h), err
}

// Memfd makes a queue without a name. Pass it to a child by exec.Cmd's ExtraFiles, or through a Unix socket; the queue
// exists as long as a file or a handle of it.
func Memfd(a *Attr) (*os.File, error) {
	if a == nil {
		a = &Attr{}
	}
	attr := a.toC()
	fd, err := C.shmemq_memfd(&attr)
	if fd < 0 {
		return nil, errorOf(err)
	}
	return os.NewFile(uintptr(fd), "shmemq"), nil
}

// Unlink removes the name of a queue. Open handles keep working.
func Unlink(name string) error {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	if n, err := C.shmemq_unlink(text); n != 0 {
		return &fs.PathError{Op: "shmemq unlink", Path: name, Err: errorOf(err)}
	}
	return nil
}

// Version returns the version of the library that the program runs with.
func Version() string { return C.GoString(C.shmemq_version()) }
