// SPDX-License-Identifier: MIT

// cross.c in Go.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"shmemq"
)

var seed, count, stop uint64

func must(err error) {
	if err != nil {
		log.Fatal("cross.go: ", err)
	}
}

func next(word uint64) uint64 { return word*6364136223846793005 + 1442695040888963407 }

func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	must(err)
	return n
}

func message(n uint64) []byte {
	word := next(next(seed*0x9e3779b97f4a7c15 + n))
	modulus := uint64(160)
	if word>>56 == 0 {
		modulus = 6000
	}
	data := make([]byte, word>>40%modulus)
	for i := range data {
		if i%8 == 0 {
			word = next(word)
		}
		data[i] = byte(word >> (i % 8 * 8))
	}
	return data
}

func die() { must(syscall.Kill(os.Getpid(), syscall.SIGKILL)) }

func produce(q *shmemq.Producer, err error) {
	must(err)
	stat, err := q.Stat()
	must(err)
	for n := stat.ProducerMark; n < count; n++ {
		data := message(n)
		must(q.Mark(n + 1))
		if n%2 == 0 && n != stop {
			must(q.Push(data, uint32(n), shmemq.Forever))
			continue
		}
		slot, err := q.PushStart(len(data), shmemq.Forever)
		must(err)
		copy(slot.Bytes(), data)
		if n == stop {
			die()
		}
		must(slot.End(len(data), uint32(n)))
	}
	must(q.Close())
}

func consume(q *shmemq.Consumer, err error, broadcast bool) {
	must(err)
	stat, err := q.Stat()
	must(err)
	fmt.Println("open")
	for n := stat.ConsumerMark; n < count; n++ {
		view, err := q.PopView(shmemq.Forever)
		must(err)
		if uint64(view.Tag) != n || !bytes.Equal(view.Bytes(), message(n)) {
			log.Fatalf("cross.go: message %d: got %d of %d bytes", n, view.Tag, len(view.Bytes()))
		}
		repeated := ""
		if view.Redelivered {
			repeated = " R"
		}
		fmt.Printf("%d%s\n", n, repeated)
		if n == stop {
			die()
		}
		if !broadcast {
			must(q.Mark(n + 1))
		}
		must(view.End())
	}
	must(q.Close())
}

func main() {
	attr := shmemq.Attr{Capacity: 65536}
	role, kind := os.Args[1], os.Args[2]
	if role == "start" {
		file, err := shmemq.Memfd(&attr)
		must(err)
		command := exec.Command(kind, os.Args[3:]...)
		command.Stdin, command.Stdout, command.Stderr = file, os.Stdout, os.Stderr
		must(command.Run())
		return
	}
	seed, count, stop = number(os.Args[4]), number(os.Args[5]), ^uint64(0)
	if len(os.Args) > 6 {
		stop = number(os.Args[6])
	}
	attr.Broadcast = kind == "broadcast"
	options := &shmemq.Options{Create: kind != "memfd", Stay: true, Attr: attr}
	if kind == "memfd" {
		file := os.NewFile(uintptr(number(os.Args[3])), "queue")
		if role == "producer" {
			produce(shmemq.OpenProducerFile(file, options))
		} else {
			q, err := shmemq.OpenConsumerFile(file, options)
			consume(q, err, false)
		}
	} else if role == "producer" {
		produce(shmemq.OpenProducer(os.Args[3], options))
	} else {
		q, err := shmemq.OpenConsumer(os.Args[3], options)
		consume(q, err, attr.Broadcast)
	}
}
