// SPDX-License-Identifier: MIT

package shmemq_test

import (
	"context"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"shmemq"
)

// later runs the function in a goroutine, and returns where its error comes.
func later(f func() error) chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

func popLater(c *shmemq.Consumer) chan error {
	return later(func() error {
		_, _, err := c.Pop(make([]byte, 100), shmemq.Forever)
		return err
	})
}

// sleeping makes a goroutine wait for a message, and returns where its error comes.
func sleeping(t *testing.T, c *shmemq.Consumer, ctx context.Context) chan error {
	t.Helper()
	done := later(func() error {
		_, _, err := c.PopContext(ctx, make([]byte, 100))
		return err
	})
	time.Sleep(20 * time.Millisecond) // mostly it sleeps by now; what follows holds in any case
	return done
}

func TestWaitForMessage(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	for i := 0; i < 3; i++ {
		done := sleeping(t, c, context.Background())
		push(t, p, "hello")
		check(t, <-done)
	}
}

func TestWaitForSpace(t *testing.T) {
	p, c := pair(t, shmemq.Attr{MessagesMax: 1})

	for i := 0; i < 3; i++ {
		push(t, p, "one")
		done := later(func() error { return p.Push([]byte("two"), 0, shmemq.Forever) })
		time.Sleep(20 * time.Millisecond)
		expectPop(t, c, "one")
		check(t, <-done)
		expectPop(t, c, "two")
	}
}

func TestTimeout(t *testing.T) {
	_, c := pair(t, shmemq.Attr{})

	for _, timeout := range []time.Duration{1, 100 * time.Microsecond, 50 * time.Millisecond} {
		start := time.Now()
		_, _, err := c.Pop(nil, timeout)
		expectErr(t, err, shmemq.ErrTimeout)
		expect(t, time.Since(start) >= timeout, true)
	}
}

func TestCancel(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})
	ctx, cancel := context.WithCancel(context.Background())

	done := sleeping(t, c, ctx)
	cancel()
	expectErr(t, <-done, context.Canceled)
	push(t, p, "hello")
	_, _, err := c.PopContext(ctx, make([]byte, 10))
	expectErr(t, err, context.Canceled)
	expectPop(t, c, "hello")
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, _, err = c.PopContext(ctx, nil)
	expectErr(t, err, context.DeadlineExceeded)
}

func TestCloseEndsWait(t *testing.T) {
	_, c := pair(t, shmemq.Attr{})

	done := sleeping(t, c, context.Background())
	check(t, c.Close())
	expectErr(t, <-done, os.ErrClosed)
	expectErr(t, c.Close(), os.ErrClosed)
	_, _, err := c.Pop(nil, shmemq.Try)
	expectErr(t, err, os.ErrClosed)
}

func TestInterrupt(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	done := sleeping(t, c, context.Background())
	check(t, c.Interrupt())
	expectErr(t, <-done, shmemq.ErrInterrupted)
	check(t, c.Interrupt()) // remains for the next wait, not for the next call
	push(t, p, "hello")
	expectPop(t, c, "hello")
	_, _, err := c.Pop(nil, shmemq.Forever)
	expectErr(t, err, syscall.ECANCELED)
}

func TestPeerCloses(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	push(t, p, "last")
	check(t, p.Close())
	expectPop(t, c, "last")
	_, _, err := c.Pop(nil, shmemq.Forever)
	expectErr(t, err, shmemq.ErrClosed)
	p, c = pair(t, shmemq.Attr{})
	done := sleeping(t, c, context.Background())
	check(t, p.Close())
	expectErr(t, <-done, syscall.EPIPE)
}

func TestStay(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{})
	c := openConsumer(t, name, shmemq.Options{Stay: true})
	done := sleeping(t, c, context.Background())
	check(t, p.Close())
	p = openProducer(t, name, shmemq.Options{})
	push(t, p, "from the next one")
	check(t, <-done)
}

func TestPeerKilled(t *testing.T) {
	name := newName(t)
	c := openConsumer(t, name, shmemq.Options{})
	child := startPeer(t, "push", name)
	child.expect(t, "ready")
	expectPop(t, c, "from a peer")
	done := sleeping(t, c, context.Background())
	child.kill(t)
	expectErr(t, <-done, shmemq.ErrOwnerDied)
	expectErr(t, shmemq.ErrOwnerDied, syscall.EOWNERDEAD)
	child = startPeer(t, "push", name)
	child.expect(t, "ready")
	expectPop(t, c, "from a peer")
	check(t, child.stdin.Close())
	_, _, err := c.Pop(nil, shmemq.Forever)
	expectErr(t, err, shmemq.ErrClosed)
}

func TestHolderKilled(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{})
	push(t, p, "held")
	child := startPeer(t, "hold", name)
	child.expect(t, "ready")
	child.kill(t)
	c := openConsumer(t, name, shmemq.Options{})
	v := want(c.PopView(shmemq.Forever))(t)
	expect(t, string(v.Bytes()), "held")
	expect(t, v.Redelivered, true)
	check(t, v.End())
}

// The others wait for its lock by the descriptor, too.
func TestSharedHolderKilled(t *testing.T) {
	name := newName(t)
	t.Setenv("SHARED", "yes")
	p := openProducer(t, name, shmemq.Options{})
	push(t, p, "held")
	child := startPeer(t, "hold", name)
	child.expect(t, "ready")
	c := openConsumer(t, name, shmemq.Options{Shared: true})
	done := popLater(c)
	time.Sleep(20 * time.Millisecond)
	child.kill(t)
	check(t, <-done)
}

func TestWaitPeer(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{})
	expectErr(t, p.WaitPeer(shmemq.Try), shmemq.ErrNotYet)
	expectErr(t, p.WaitPeer(10*time.Millisecond), shmemq.ErrTimeout)
	ctx, cancel := context.WithCancel(context.Background())
	done := later(func() error { return p.WaitPeerContext(ctx) })
	time.Sleep(20 * time.Millisecond)
	cancel()
	expectErr(t, <-done, context.Canceled)
	done = later(func() error { return p.WaitPeer(shmemq.Forever) })
	time.Sleep(20 * time.Millisecond)
	c := openConsumer(t, name, shmemq.Options{})
	check(t, <-done)

	push(t, p, "hello")
	expectErr(t, p.WaitEmpty(shmemq.Try), shmemq.ErrNotYet)
	done = later(func() error { return p.WaitEmpty(shmemq.Forever) })
	time.Sleep(20 * time.Millisecond)
	expectErr(t, p.Push(nil, 0, shmemq.Forever), shmemq.ErrConcurrent)
	expectPop(t, c, "hello")
	check(t, <-done)
	push(t, p, "hello")
	done = later(func() error { return p.WaitEmpty(shmemq.Forever) })
	time.Sleep(20 * time.Millisecond)
	check(t, p.Close())
	expectErr(t, <-done, os.ErrClosed)
}

func TestSecondWait(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	done := popLater(c)
	for second := false; !second; {
		_, _, err := c.Pop(nil, time.Nanosecond)
		second = err == shmemq.ErrConcurrent
		select {
		case err := <-done: // it was the second one
			expectErr(t, err, shmemq.ErrConcurrent)
			done = popLater(c)
		default:
		}
	}
	_, _, err := c.Pop(nil, shmemq.Try) // waits for nothing
	expectErr(t, err, shmemq.ErrEmpty)
	push(t, p, "hello")
	check(t, <-done)
}

// No thread is in C for a goroutine that waits.
func TestThreads(t *testing.T) {
	const count = 50
	var ends []chan error
	var producers []*shmemq.Producer
	threads := pprof.Lookup("threadcreate")
	before := threads.Count()

	for i := 0; i < count; i++ {
		p, c := pair(t, shmemq.Attr{Capacity: 4096})
		producers = append(producers, p)
		ends = append(ends, popLater(c))
	}
	time.Sleep(50 * time.Millisecond)
	if more := threads.Count() - before; more > count/2 {
		t.Errorf("%d threads for %d waits", more, count)
	}
	for i, p := range producers {
		push(t, p, "hello")
		check(t, <-ends[i])
	}
}

func TestOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p, c := pair(t, shmemq.Attr{})
	done := popLater(c)
	turns := 0

	for i := 0; i < 100; i++ {
		runtime.Gosched()
		turns++
	}
	push(t, p, "hello")
	check(t, <-done)
	expect(t, turns, 100)
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestIdleWait(t *testing.T) {
	_, c := pair(t, shmemq.Attr{})
	done := sleeping(t, c, context.Background())
	before := processorTime()
	time.Sleep(500 * time.Millisecond)
	used := processorTime() - before
	if used > 250*time.Millisecond {
		t.Errorf("an idle wait took %v of the processor", used)
	}
	check(t, c.Close())
	<-done
}
