// SPDX-License-Identifier: MIT

package shmemq_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmemq"
)

func expectPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	f()
}

func TestView(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	check(t, p.Push([]byte("hello"), 3, shmemq.Try))
	v := want(c.PopView(shmemq.Forever))(t)
	expect(t, string(v.Bytes()), "hello")
	expect(t, v.Tag, 3)
	expect(t, v.Redelivered, false)
	expect(t, want(c.Stat())(t).QueuedMessages, 1)
	check(t, v.End())
	expect(t, want(c.Stat())(t).QueuedMessages, 0)
}

// Also when another message has come into the same place.
func TestViewAfterEnd(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	push(t, p, "one")
	push(t, p, "two")
	one := want(c.PopView(shmemq.Try))(t)
	check(t, one.End())
	expectPanic(t, func() { one.Bytes() })
	two := want(c.PopView(shmemq.Try))(t)
	expectPanic(t, func() { one.Bytes() })
	expectErr(t, one.End(), shmemq.ErrEnded)
	expect(t, string(two.Bytes()), "two")
	check(t, c.Close())
	expectPanic(t, func() { two.Bytes() })
	expectErr(t, two.End(), os.ErrClosed)
	expectPanic(t, func() { shmemq.View{}.Bytes() })
}

func TestCloseReturnsTheMessage(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{})
	c := openConsumer(t, name, shmemq.Options{})

	push(t, p, "hello")
	want(c.PopView(shmemq.Try))(t)
	check(t, c.Close())
	c = openConsumer(t, name, shmemq.Options{})
	v := want(c.PopView(shmemq.Try))(t)
	expect(t, v.Redelivered, true)
	check(t, v.End())
}

func TestOtherPopsMeanwhile(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	push(t, p, "one")
	push(t, p, "two")
	v := want(c.PopView(shmemq.Try))(t)
	_, _, err := c.Pop(make([]byte, 10), shmemq.Forever)
	expectErr(t, err, syscall.EINVAL)
	_, err = c.PopBatch(1, shmemq.Forever)
	expectErr(t, err, syscall.EINVAL)
	check(t, v.End())
	expectPop(t, c, "two")
}

func TestReservation(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	r := want(p.PushStart(100, shmemq.Try))(t)
	copy(r.Bytes(), "written in place")
	expectErr(t, r.End(101, 0), syscall.EINVAL)
	check(t, r.End(16, 9))
	expectPanic(t, func() { r.Bytes() })
	expectErr(t, r.Cancel(), shmemq.ErrEnded)
	r = want(p.PushStart(8, shmemq.Try))(t)
	check(t, r.Cancel())
	expectPop(t, c, "written in place")
	_, _, err := c.Pop(nil, shmemq.Try)
	expectErr(t, err, shmemq.ErrEmpty)
}

func TestBatches(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})
	var msgs []shmemq.Message

	for i := 0; i < 200; i++ {
		msgs = append(msgs, shmemq.Message{Data: []byte(strings.Repeat("x", i)), Tag: uint32(i)})
	}
	expect(t, want(p.PushBatch(msgs, shmemq.Forever))(t), 200)
	b := want(c.PopBatch(150, shmemq.Forever))(t)
	expect(t, b.Len(), 150)
	expect(t, want(b.More(100, shmemq.Try))(t), 50)
	for i := 0; i < b.Len(); i++ {
		data, tag := b.Message(i)
		expect(t, string(data), strings.Repeat("x", i))
		expect(t, int(tag), i)
		expect(t, b.Redelivered(i), false)
	}
	_, err := b.More(1, shmemq.Try)
	expectErr(t, err, shmemq.ErrEmpty)
	expectErr(t, b.End(201), syscall.EINVAL)
	check(t, b.End(199))
	expectPanic(t, func() { b.Message(0) })
	expectErr(t, b.End(0), shmemq.ErrEnded)
	expectPop(t, c, strings.Repeat("x", 199))
}

// The batch ends before what does not fit, or can never fit, and fails if that comes first.
func TestBatchEnds(t *testing.T) {
	p, _ := pair(t, shmemq.Attr{Capacity: 65536, MessagesMax: 70})
	small, large := shmemq.Message{Data: []byte("small")}, shmemq.Message{Data: make([]byte, 1<<17)}

	expect(t, want(p.PushBatch([]shmemq.Message{small, large, small}, shmemq.Try))(t), 1)
	_, err := p.PushBatch([]shmemq.Message{large, small}, shmemq.Try)
	expectErr(t, err, shmemq.ErrTooLarge)
	expect(t, want(p.PushBatch(nil, shmemq.Try))(t), 0)
	many := make([]shmemq.Message, 100)
	expect(t, want(p.PushBatch(many, shmemq.Try))(t), 69)
	_, err = p.PushBatch(many, shmemq.Try)
	expectErr(t, err, shmemq.ErrFull)
}

// Messages too large for the copy of a batch go through all the same.
func TestBatchOfLarge(t *testing.T) {
	p, c := pair(t, shmemq.Attr{Capacity: 1 << 20})
	var msgs []shmemq.Message

	for i := 0; i < 5; i++ {
		msgs = append(msgs, shmemq.Message{Data: make([]byte, 50000+i*10000), Tag: uint32(i)})
	}
	expect(t, want(p.PushBatch(msgs, shmemq.Try))(t), 5)
	b := want(c.PopBatch(10, shmemq.Try))(t)
	for i := 0; i < 5; i++ {
		data, tag := b.Message(i)
		expect(t, len(data), 50000+i*10000)
		expect(t, int(tag), i)
	}
	check(t, b.End(5))
}

func TestForgottenHandles(t *testing.T) {
	name := newName(t)
	openProducer(t, name, shmemq.Options{})
	func() { want(shmemq.OpenConsumer(name, nil))(t) }()
	for i := 0; ; i++ {
		runtime.GC()
		c, err := shmemq.OpenConsumer(name, nil)
		if err == nil {
			check(t, c.Close())
			return
		}
		if i == 1000 {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// A slice alone keeps neither handle nor view from the garbage collector, but its memory remains.
func TestForgottenView(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{})
	push(t, p, "still here")
	data := func() []byte {
		c := want(shmemq.OpenConsumer(name, nil))(t)
		return want(c.PopView(shmemq.Try))(t).Bytes()
	}()
	for i := 0; i < 5; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	expect(t, fmt.Sprintf("%s", data), "still here")
}
