// SPDX-License-Identifier: MIT

package shmemq_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"shmemq"
)

// The two ends may be in one process, but mostly are in two.
func Example() {
	name := fmt.Sprintf("/shmemq-test-go-%d", os.Getpid())
	consumer, err := shmemq.OpenConsumer(name, &shmemq.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer shmemq.Unlink(name)
	defer consumer.Close()
	go func() {
		producer, err := shmemq.OpenProducer(name, nil)
		if err != nil {
			log.Fatal(err)
		}
		defer producer.Close() // without it the consumer would get ErrOwnerDied
		for _, text := range []string{"hello", "goodbye"} {
			if err := producer.Push([]byte(text), 0, shmemq.Forever); err != nil {
				log.Fatal(err)
			}
		}
	}()
	for {
		view, err := consumer.PopView(shmemq.Forever)
		if errors.Is(err, shmemq.ErrClosed) {
			break // all has been read
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", view.Bytes())
		if err := view.End(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// hello
	// goodbye
}
