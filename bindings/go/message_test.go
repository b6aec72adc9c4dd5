// SPDX-License-Identifier: MIT

package shmemq_test

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"shmemq"
)

func TestMessageAndTag(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})
	var buf [8]byte

	check(t, p.Push([]byte("hello"), 42, shmemq.Forever))
	n, tag, err := c.Pop(buf[:], shmemq.Forever)
	check(t, err)
	expect(t, string(buf[:n]), "hello")
	expect(t, tag, 42)
}

func TestEmptyMessage(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	check(t, p.Push(nil, 1, shmemq.Try))
	check(t, p.Push([]byte{}, 2, shmemq.Try))
	n, tag, err := c.Pop(nil, shmemq.Try)
	check(t, err)
	expect(t, n, 0)
	expect(t, tag, 1)
	v := want(c.PopView(shmemq.Try))(t)
	expect(t, len(v.Bytes()), 0)
	expect(t, v.Tag, 2)
	check(t, v.End())
}

func TestPushVec(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	check(t, p.PushVec([][]byte{[]byte("one "), nil, []byte("message")}, 0, shmemq.Try))
	expectPop(t, c, "one message")
}

func TestTooLarge(t *testing.T) {
	p, c := pair(t, shmemq.Attr{Capacity: 4096})

	expectErr(t, p.Push(make([]byte, 4096), 0, shmemq.Forever), shmemq.ErrTooLarge)
	push(t, p, "nine bytes")
	_, _, err := c.Pop(make([]byte, 5), shmemq.Forever)
	expectErr(t, err, syscall.EMSGSIZE)
	expectPop(t, c, "nine bytes")
}

func TestFullAndEmpty(t *testing.T) {
	p, c := pair(t, shmemq.Attr{MessagesMax: 1})

	_, _, err := c.Pop(nil, shmemq.Try)
	expectErr(t, err, shmemq.ErrEmpty)
	push(t, p, "")
	expectErr(t, p.Push(nil, 0, shmemq.Try), shmemq.ErrFull)
	expectErr(t, shmemq.ErrFull, syscall.EAGAIN)
	expectErr(t, p.Push(nil, 0, 1), shmemq.ErrTimeout)
}

func TestOpenErrors(t *testing.T) {
	name := newName(t)
	_, err := shmemq.OpenConsumer(name, nil)
	expectErr(t, err, fs.ErrNotExist)
	expectErr(t, err, syscall.ENOENT)
	openConsumer(t, name, shmemq.Options{})
	_, err = shmemq.OpenConsumer(name, nil)
	expectErr(t, err, shmemq.ErrBusy)
	expectErr(t, err, syscall.EBUSY)
	_, err = shmemq.OpenProducer(name, &shmemq.Options{Create: true, Exclusive: true})
	expectErr(t, err, fs.ErrExist)
	_, err = shmemq.OpenProducer("no-slash", nil)
	expectErr(t, err, syscall.EINVAL)
}

func TestAttributes(t *testing.T) {
	attr := shmemq.Attr{Capacity: 8192, CapacityMax: 65536, MessagesMax: 3, Alignment: 64, Temporary: true}
	copy(attr.User[:], "version 5")
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{Attr: attr, Mode: 0o640})
	info := want(os.Stat("/dev/shm" + name))(t)
	expect(t, info.Mode().Perm()&0o600, 0o600)

	is := want(p.Attr())(t)
	expect(t, is.MessageMax > 0 && is.ID != 0, true)
	is.MessageMax, is.ID = 0, 0
	expect(t, is, attr)
	check(t, p.Close())
	_, err := os.Stat("/dev/shm" + name)
	expectErr(t, err, fs.ErrNotExist)
}

func TestStat(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	push(t, p, "hello")
	st := want(c.Stat())(t)
	expect(t, st.QueuedMessages, 1)
	expect(t, st.PushedBytes, 5)
	expect(t, st.Producer, shmemq.EndOpen)
	expect(t, int(st.ConsumerPID), os.Getpid())
	check(t, p.Close())
	st = want(c.Stat())(t)
	expect(t, st.Producer, shmemq.EndClosed)
}

func TestMark(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})

	check(t, p.Mark(11))
	push(t, p, "hello")
	check(t, c.Mark(12))
	expectPop(t, c, "hello")
	st := want(p.Stat())(t)
	expect(t, st.ProducerMark, 11)
	expect(t, st.ConsumerMark, 12)
}

func TestGrowth(t *testing.T) {
	p, c := pair(t, shmemq.Attr{Capacity: 4096, CapacityMax: 1 << 20})
	message := make([]byte, 1000)

	for i := 0; i < 500; i++ {
		message[0] = byte(i)
		check(t, p.Push(message, uint32(i), shmemq.Try))
	}
	expect(t, want(p.Stat())(t).ReservedBytesMost > 400000, true)
	for i := 0; i < 500; i++ {
		n, tag, err := c.Pop(message, shmemq.Try)
		check(t, err)
		expect(t, n, 1000)
		expect(t, int(tag), i)
		expect(t, message[0], byte(i))
	}
}

func TestBroadcast(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{Attr: shmemq.Attr{Broadcast: true}})
	a, b := openConsumer(t, name, shmemq.Options{}), openConsumer(t, name, shmemq.Options{})

	push(t, p, "to all")
	expectPop(t, a, "to all")
	expectPop(t, b, "to all")
}

func TestFollower(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{Attr: shmemq.Attr{Capacity: 4096, Broadcast: true}})
	push(t, p, "before")
	f := want(shmemq.OpenFollower(name, nil))(t)
	defer f.Close()

	_, _, err := f.Pop(nil, shmemq.Try)
	expectErr(t, err, shmemq.ErrEmpty)
	push(t, p, "after")
	expectPop(t, f, "after")
	want(f.Seek(shmemq.Oldest))(t)
	expectPop(t, f, "before")
	for i := 0; i < 1000; i++ {
		push(t, p, "flood")
	}
	for err = nil; err == nil; { // it may have read some before
		_, _, err = f.Pop(make([]byte, 10), shmemq.Try)
	}
	expectErr(t, err, shmemq.ErrOverrun)
	lost := want(f.Seek(shmemq.Oldest))(t)
	expect(t, lost > 500 && lost < 1001, true)
	expectPop(t, f, "flood")
	check(t, p.Close())
	want(f.Seek(shmemq.Newest))(t)
	_, _, err = f.Pop(nil, shmemq.Forever)
	expectErr(t, err, shmemq.ErrClosed)
}

func TestObserver(t *testing.T) {
	name := newName(t)
	p := openProducer(t, name, shmemq.Options{})
	o := want(shmemq.OpenObserver(name, nil))(t)
	push(t, p, "hello")
	expect(t, want(o.Stat())(t).QueuedMessages, 1)
	check(t, o.Close())
	_, err := o.Stat()
	expectErr(t, err, os.ErrClosed)
}

func TestMemfd(t *testing.T) {
	file := want(shmemq.Memfd(nil))(t)
	defer file.Close()
	child := startPeer(t, "memfd", "-", file)
	p := want(shmemq.OpenProducerFile(file, nil))(t)
	defer p.Close()
	check(t, p.Push([]byte("through a descriptor"), 0, shmemq.Forever))
	child.expect(t, "through a descriptor")
}

func TestDupFile(t *testing.T) {
	p, c := pair(t, shmemq.Attr{})
	check(t, c.Close())
	file := want(p.DupFile())(t)
	defer file.Close()
	c = want(shmemq.OpenConsumerFile(file, nil))(t)
	defer c.Close()
	push(t, p, "hello")
	expectPop(t, c, "hello")
}

func TestUnlink(t *testing.T) {
	name := newName(t)
	openProducer(t, name, shmemq.Options{})
	check(t, shmemq.Unlink(name))
	expectErr(t, shmemq.Unlink(name), fs.ErrNotExist)
}

func TestVersion(t *testing.T) {
	expect(t, shmemq.Version() != "", true)
}
