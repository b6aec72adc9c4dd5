// SPDX-License-Identifier: MIT

package shmemq_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shmemq"
)

// Many goroutines with a handle each, and many with one handle: each message arrives once.
func testMany(t *testing.T, handles, goroutines, messages int) {
	name := newName(t)
	attr := shmemq.Attr{Capacity: 4096}
	var senders, receivers sync.WaitGroup
	var sum, count atomic.Int64

	for i := 0; i < handles; i++ {
		p := openProducer(t, name, shmemq.Options{Shared: true, Attr: attr})
		c := openConsumer(t, name, shmemq.Options{Shared: true})
		var mine sync.WaitGroup
		mine.Add(goroutines)
		for j := 0; j < goroutines; j++ {
			receivers.Add(1)
			go func(base int) {
				defer mine.Done()
				for k := 0; k < messages; k++ {
					data := binary.LittleEndian.AppendUint64(nil, uint64(base+k))
					err := retry(func() error { return p.Push(data, 0, shmemq.Forever) })
					if err != nil {
						t.Error(err)
						return
					}
				}
			}((i*goroutines + j) * messages)
			go func() {
				defer receivers.Done()
				var buf [8]byte
				for {
					err := retry(func() error {
						_, _, err := c.Pop(buf[:], shmemq.Forever)
						return err
					})
					if err == shmemq.ErrClosed {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					sum.Add(int64(binary.LittleEndian.Uint64(buf[:])))
					count.Add(1)
				}
			}()
		}
		senders.Add(1)
		go func() {
			defer senders.Done()
			mine.Wait()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	senders.Wait()
	receivers.Wait()
	n := int64(handles * goroutines * messages)
	expect(t, count.Load(), n)
	expect(t, sum.Load(), n*(n-1)/2)
}

// retry calls again while another goroutine waits on the handle.
func retry(call func() error) error {
	for {
		err := call()
		if !errors.Is(err, shmemq.ErrConcurrent) {
			return err
		}
		time.Sleep(10 * time.Microsecond)
	}
}

func TestManyHandles(t *testing.T)   { testMany(t, 8, 1, 2000) }
func TestOneHandleEach(t *testing.T) { testMany(t, 1, 8, 500) }

func TestSet(t *testing.T) {
	const count = 300
	set := want(shmemq.OpenSet())(t)
	defer set.Close()
	ready := make([]shmemq.Member, 10)
	var producers []*shmemq.Producer
	index := map[shmemq.Member]int{}

	for i := 0; i < count; i++ {
		p, c := pair(t, shmemq.Attr{Capacity: 4096})
		check(t, set.Add(c))
		index[c] = i
		producers = append(producers, p)
	}
	drain := func(timeout time.Duration) (found []int, err error) {
		n, err := set.Wait(ready, timeout)
		for _, m := range ready[:n] {
			for {
				if _, _, err := m.(*shmemq.Consumer).Pop(nil, shmemq.Try); err != nil {
					expectErr(t, err, shmemq.ErrEmpty)
					break
				}
				found = append(found, index[m])
			}
		}
		return found, err
	}
	var err error
	for err == nil { // all are ready at first, and some once more
		_, err = drain(100 * time.Millisecond)
	}
	expectErr(t, err, shmemq.ErrTimeout)
	for _, i := range []int{7, 299, 0} {
		done := later(func() error { return producers[i].Push(nil, 0, shmemq.Try) })
		var found []int
		for len(found) == 0 {
			found = want(drain(shmemq.Forever))(t)
		}
		check(t, <-done)
		expect(t, len(found) == 1 && found[0] == i, true)
	}
}

func TestSetRules(t *testing.T) {
	set := want(shmemq.OpenSet())(t)
	ready := make([]shmemq.Member, 1)
	p, c := pair(t, shmemq.Attr{})

	check(t, set.Add(c))
	expectErr(t, set.Add(c), shmemq.ErrBusy)
	expectErr(t, set.Remove(p), syscall.ENOENT)
	_, _, err := c.Pop(nil, shmemq.Forever)
	expectErr(t, err, shmemq.ErrBusy)
	expectErr(t, c.WaitPeer(shmemq.Forever), nil) // no wait
	check(t, set.Remove(c))
	check(t, set.Add(c))
	check(t, c.Close())
	_, err = set.Wait(ready, shmemq.Try)
	expectErr(t, err, shmemq.ErrNotYet)

	ctx, cancel := context.WithCancel(context.Background())
	done := later(func() error { _, err := set.WaitContext(ctx, ready); return err })
	time.Sleep(10 * time.Millisecond)
	cancel()
	expectErr(t, <-done, context.Canceled)
	done = later(func() error { _, err := set.Wait(ready, shmemq.Forever); return err })
	time.Sleep(10 * time.Millisecond)
	check(t, set.Add(p)) // meanwhile, and it is ready
	check(t, <-done)
	expect(t, ready[0] == shmemq.Member(p), true)
	check(t, p.Push(nil, 0, shmemq.Forever))
	check(t, set.Close())
	expectErr(t, set.Close(), os.ErrClosed)
	check(t, p.Push(nil, 0, shmemq.Forever))
}

// A thousand queues, each with a wait: more than there are descriptors for, so some wait in threads.
func TestThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	const count = 1000
	var producers []*shmemq.Producer
	var ends []chan error

	for i := 0; i < count; i++ {
		p, c := pair(t, shmemq.Attr{Capacity: 4096})
		producers = append(producers, p)
		if i%2 == 0 {
			ends = append(ends, popLater(c))
		} else {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(100*time.Millisecond, cancel)
			ends = append(ends, later(func() error {
				_, _, err := c.PopContext(ctx, make([]byte, 1))
				return err
			}))
		}
	}
	for i, p := range producers {
		if i%2 == 0 {
			push(t, p, "")
			check(t, <-ends[i])
		} else {
			expectErr(t, <-ends[i], context.Canceled)
		}
	}
}

// Each interrupt ends one wait or none, and no message is lost.
func TestInterruptStorm(t *testing.T) {
	const messages = 2000
	p, c := pair(t, shmemq.Attr{Capacity: 4096})
	stop := make(chan struct{})
	var storm sync.WaitGroup

	for i := 0; i < 3; i++ {
		storm.Add(1)
		go func() {
			defer storm.Done()
			for {
				select {
				case <-stop:
					return
				default:
					_ = c.Interrupt()
					_ = p.Interrupt()
					time.Sleep(time.Microsecond)
				}
			}
		}()
	}
	go func() {
		for i := 0; i < messages; i++ {
			for p.Push(binary.LittleEndian.AppendUint64(nil, uint64(i)), 0, shmemq.Forever) != nil {
			}
		}
	}()
	var buf [8]byte
	for i := 0; i < messages; {
		_, _, err := c.Pop(buf[:], shmemq.Forever)
		if err == nil {
			expect(t, binary.LittleEndian.Uint64(buf[:]), uint64(i))
			i++
		} else {
			expectErr(t, err, shmemq.ErrInterrupted)
		}
	}
	close(stop)
	storm.Wait()
}

// Close at any moment of a wait, or of other calls.
func TestCloseAtAnyMoment(t *testing.T) {
	for i := 0; i < 200; i++ {
		p, c := pair(t, shmemq.Attr{Capacity: 4096})
		done := popLater(c)
		stats := later(func() error {
			for {
				if _, err := c.Stat(); err != nil {
					return err
				}
			}
		})
		time.Sleep(time.Duration(i) * time.Microsecond)
		if i%2 == 0 {
			_ = p.Push(nil, 0, shmemq.Try)
		}
		check(t, c.Close())
		if err := <-done; err != nil {
			expectErr(t, err, os.ErrClosed)
		}
		expectErr(t, <-stats, os.ErrClosed)
	}
}

// A program that is started has no part in the claim, and no descriptor of the library.
func TestExec(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{})
	done := later(func() error { _, err := p.PushStart(1, shmemq.Forever); return err })
	check(t, <-done)
	c := openConsumer(t, name, shmemq.Options{})
	ended := popLater(c) // makes its descriptor
	time.Sleep(10 * time.Millisecond)
	ls := exec.Command("ls", "-l", "/proc/self/fd/")
	out := want(ls.Output())(t)
	for _, word := range []string{name, "eventpoll", "inotify", "timerfd"} {
		if strings.Contains(string(out), word) {
			t.Errorf("the child has inherited:\n%s", out)
		}
	}
	sleep := exec.Command("sleep", "100")
	check(t, sleep.Start())
	check(t, p.Close())
	expectErr(t, <-ended, shmemq.ErrClosed) // although the child lives
	p = openProducer(t, name, shmemq.Options{})
	check(t, sleep.Process.Kill())
	_ = sleep.Wait()
}
