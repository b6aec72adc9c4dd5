// SPDX-License-Identifier: MIT

package shmemq_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"shmemq"
)

var sizes = []int{64, 1024}

func bySize(b *testing.B, f func(b *testing.B, size int)) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			f(b, size)
		})
	}
}

// What a call costs in itself: a try on an empty queue, through cgo.
func BenchmarkCall(b *testing.B) {
	_, c := pair(b, shmemq.Attr{})
	for i := 0; i < b.N; i++ {
		_, _, _ = c.Pop(nil, shmemq.Try)
	}
}

func BenchmarkRateQueue(b *testing.B) {
	bySize(b, func(b *testing.B, size int) {
		p, c := pair(b, shmemq.Attr{})
		go func() {
			data := make([]byte, size)
			for i := 0; i < b.N; i++ {
				_ = p.Push(data, 0, shmemq.Forever)
			}
		}()
		buf := make([]byte, size)
		for i := 0; i < b.N; i++ {
			_, _, err := c.Pop(buf, shmemq.Forever)
			check(b, err)
		}
	})
}

func BenchmarkRateBatches(b *testing.B) {
	bySize(b, func(b *testing.B, size int) {
		p, c := pair(b, shmemq.Attr{})
		go func() {
			msgs := make([]shmemq.Message, 64)
			for i := range msgs {
				msgs[i].Data = make([]byte, size)
			}
			for left := b.N; left > 0; {
				if left < len(msgs) {
					msgs = msgs[:left]
				}
				n, _ := p.PushBatch(msgs, shmemq.Forever)
				left -= n
			}
		}()
		buf := make([]byte, size)
		for i := 0; i < b.N; {
			batch := want(c.PopBatch(64, shmemq.Forever))(b)
			for j := 0; j < batch.Len(); j++ {
				data, _ := batch.Message(j)
				copy(buf, data)
			}
			i += batch.Len()
			check(b, batch.End(batch.Len()))
		}
	})
}

// One allocation a message, since the receiver gets the memory.
func BenchmarkRateChannel(b *testing.B) {
	bySize(b, func(b *testing.B, size int) {
		channel := make(chan []byte, 1<<20/(size+8))
		data, buf := make([]byte, size), make([]byte, size)
		go func() {
			for i := 0; i < b.N; i++ {
				channel <- append([]byte(nil), data...)
			}
		}()
		for i := 0; i < b.N; i++ {
			copy(buf, <-channel)
		}
	})
}

func socketPair(b *testing.B) (*os.File, *os.File) {
	const kind = syscall.SOCK_SEQPACKET | syscall.SOCK_NONBLOCK | syscall.SOCK_CLOEXEC
	fds := want(syscall.Socketpair(syscall.AF_UNIX, kind, 0))(b)
	return os.NewFile(uintptr(fds[0]), "one"), os.NewFile(uintptr(fds[1]), "other")
}

func BenchmarkRateSocket(b *testing.B) {
	bySize(b, func(b *testing.B, size int) {
		one, other := socketPair(b)
		defer one.Close()
		defer other.Close()
		go func() {
			data := make([]byte, size)
			for i := 0; i < b.N; i++ {
				_, _ = one.Write(data)
			}
		}()
		buf := make([]byte, size)
		for i := 0; i < b.N; i++ {
			want(other.Read(buf))(b)
		}
	})
}

// roundTrip: the echo is in a goroutine, or for the queue of BenchmarkTripProcess in another process.
func roundTrip(b *testing.B, size int, send, receive func([]byte) error) {
	data, buf := make([]byte, size), make([]byte, size)
	for i := 0; i < b.N; i++ {
		check(b, send(data))
		check(b, receive(buf))
	}
}

func queueTrip(b *testing.B, o shmemq.Options, inProcess bool) {
	bySize(b, func(b *testing.B, size int) {
		name := newName(b)
		p := openProducer(b, name, o)
		back := openConsumer(b, name+"-back", o)
		if inProcess {
			c := openConsumer(b, name, o)
			reply := openProducer(b, name+"-back", o)
			go func() {
				buf := make([]byte, size)
				for {
					if _, _, err := c.Pop(buf, shmemq.Forever); err != nil {
						return
					}
					_ = reply.Push(buf, 0, shmemq.Forever)
				}
			}()
		} else {
			startPeer(b, "echo", name)
			check(b, p.WaitPeer(shmemq.Forever))
			check(b, back.WaitPeer(shmemq.Forever))
		}
		b.ResetTimer()
		roundTrip(b, size,
			func(data []byte) error { return p.Push(data, 0, shmemq.Forever) },
			func(buf []byte) error { _, _, err := back.Pop(buf, shmemq.Forever); return err })
		b.StopTimer()
		check(b, p.Close())
	})
}

func BenchmarkTripQueue(b *testing.B)   { queueTrip(b, shmemq.Options{}, true) }
func BenchmarkTripProcess(b *testing.B) { queueTrip(b, shmemq.Options{}, false) }
func BenchmarkTripNoSpin(b *testing.B)  { queueTrip(b, shmemq.Options{NoSpin: true}, true) }

func BenchmarkTripChannel(b *testing.B) {
	bySize(b, func(b *testing.B, size int) {
		there, back := make(chan []byte), make(chan []byte)
		defer close(there)
		go func() {
			for data := range there {
				back <- append([]byte(nil), data...)
			}
		}()
		roundTrip(b, size,
			func(data []byte) error { there <- append([]byte(nil), data...); return nil },
			func(buf []byte) error { copy(buf, <-back); return nil })
	})
}

func BenchmarkTripSocket(b *testing.B) {
	bySize(b, func(b *testing.B, size int) {
		one, other := socketPair(b)
		defer one.Close()
		go func() {
			defer other.Close()
			buf := make([]byte, size)
			for {
				n, err := other.Read(buf)
				if n == 0 || err != nil {
					return
				}
				_, _ = other.Write(buf)
			}
		}()
		roundTrip(b, size,
			func(data []byte) error { _, err := one.Write(data); return err },
			func(buf []byte) error { _, err := one.Read(buf); return err })
	})
}
