// SPDX-License-Identifier: MIT

package shmemq_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shmemq"
)

// The test program, started again with the name of one of these in its environment, is another process that has a
// queue's end.
var peers = map[string]func(name string){
	"push":   peerPush,
	"hold":   peerHold,
	"echo":   peerEcho,
	"memfd":  peerMemfd,
	"listen": peerListen,
}

const peerVariable = "SHMEMQ_GO_PEER"

func TestMain(m *testing.M) {
	if role, name, found := strings.Cut(os.Getenv(peerVariable), " "); found {
		peers[role](name)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// ready tells the test, and waits until it ends standard input or kills this process.
func ready() {
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func peerPush(name string) {
	p := must(shmemq.OpenProducer(name, nil))
	must(0, p.Push([]byte("from a peer"), 7, shmemq.Forever))
	ready()
	must(0, p.Close())
}

func peerHold(name string) {
	c := must(shmemq.OpenConsumer(name, &shmemq.Options{Shared: os.Getenv("SHARED") != ""}))
	must(c.PopView(shmemq.Forever))
	ready()
}

func peerEcho(name string) {
	c := must(shmemq.OpenConsumer(name, nil))
	p := must(shmemq.OpenProducer(name+"-back", nil))
	for {
		v, err := c.PopView(shmemq.Forever)
		if err == shmemq.ErrClosed {
			break
		}
		must(v, err)
		must(0, p.Push(v.Bytes(), v.Tag, shmemq.Forever))
		must(0, v.End())
	}
	must(0, p.Close())
	must(0, c.Close())
}

func peerMemfd(string) {
	c := must(shmemq.OpenConsumerFile(os.NewFile(3, "memfd"), nil))
	v := must(c.PopView(shmemq.Forever))
	fmt.Println(string(v.Bytes()))
	must(0, v.End())
	must(0, c.Close())
}

// peerListen waits for messages until it is killed.
func peerListen(name string) {
	c := must(shmemq.OpenConsumer(name, nil))
	fmt.Println("ready")
	must(c.PopView(shmemq.Forever))
}

type peer struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

func startPeer(t testing.TB, role, name string, files ...*os.File) *peer {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), peerVariable+"="+role+" "+name)
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = files
	p := &peer{cmd: cmd}
	p.stdin = want(cmd.StdinPipe())(t)
	out := want(cmd.StdoutPipe())(t)
	p.lines = bufio.NewScanner(out)
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return p
}

func (p *peer) expect(t testing.TB, line string) {
	t.Helper()
	if !p.lines.Scan() || p.lines.Text() != line {
		t.Fatalf("the peer says %q, not %q", p.lines.Text(), line)
	}
}

func (p *peer) kill(t testing.TB) {
	t.Helper()
	check(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want(f())(t) is f's value, if it has succeeded.
func want[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func expect[T comparable](t testing.TB, is, should T) {
	t.Helper()
	if is != should {
		t.Fatalf("%v, not %v", is, should)
	}
}

func expectErr(t testing.TB, err, should error) {
	t.Helper()
	if !errors.Is(err, should) {
		t.Fatalf("%v, not %v", err, should)
	}
}

var names atomic.Int32

// newName returns the name of a queue that the test removes.
func newName(t testing.TB) string {
	name := fmt.Sprintf("/shmemq-test-go-%d-%d", os.Getpid(), names.Add(1))
	t.Cleanup(func() {
		_ = shmemq.Unlink(name)
		_ = shmemq.Unlink(name + "-back")
	})
	return name
}

func openProducer(t testing.TB, name string, o shmemq.Options) *shmemq.Producer {
	t.Helper()
	o.Create = true
	p := want(shmemq.OpenProducer(name, &o))(t)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func openConsumer(t testing.TB, name string, o shmemq.Options) *shmemq.Consumer {
	t.Helper()
	o.Create = true
	c := want(shmemq.OpenConsumer(name, &o))(t)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func pair(t testing.TB, attr shmemq.Attr) (*shmemq.Producer, *shmemq.Consumer) {
	t.Helper()
	name := newName(t)
	return openProducer(t, name, shmemq.Options{Attr: attr}), openConsumer(t, name, shmemq.Options{})
}

func push(t testing.TB, p *shmemq.Producer, text string) {
	t.Helper()
	check(t, p.Push([]byte(text), 0, shmemq.Try))
}

type popper interface {
	Pop([]byte, time.Duration) (int, uint32, error)
}

func expectPop(t testing.TB, c popper, text string) {
	t.Helper()
	var buf [4096]byte
	n, _, err := c.Pop(buf[:], 10*time.Second)
	check(t, err)
	expect(t, string(buf[:n]), text)
}
