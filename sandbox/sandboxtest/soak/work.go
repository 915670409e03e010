//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// work is the worker's main program. It writes a tally each second, and its
// last one after it has looked for leaks of its own.
func work(args []string, stdin io.Reader, stdout io.Writer) error {
	f := flag.NewFlagSet("worker", flag.ContinueOnError)
	length := f.Duration("for", time.Minute, "")
	slots := f.Int("sandboxes", 64, "")
	image := f.String("image", "", "")
	state := f.String("state", "", "")
	mark := f.String("mark", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &shift{mark: *mark, tally: newTally()}
	go func() { // its end is the conductor's
		for in := bufio.NewScanner(stdin); in.Scan(); {
			s.epoch.Add(1) // "down", then "up"
		}
		cancel()
	}()

	// Once around, so that what stays for good is there before we count.
	if err := s.whole(ctx, *state, *image, 2, 0); err != nil {
		return err
	}
	before, err := takeStock()
	if err != nil {
		return err
	}
	telling, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		for t := time.NewTicker(time.Second); ; {
			select {
			case <-t.C:
				s.send(stdout)
			case <-telling:
				t.Stop()
				return
			}
		}
	}()
	err = s.whole(ctx, *state, *image, *slots, *length)
	close(telling)
	<-told
	s.tally.Leaks = before.leaks()
	s.send(stdout)
	return err
}

// A shift is one worker's time.
type shift struct {
	mark string
	// epoch counts the ends and starts of the engine: it is odd while the
	// engine is down.
	epoch  atomic.Int64
	number atomic.Int64 // of sandboxes

	mu    sync.Mutex
	tally tally
}

func (s *shift) send(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, _ := json.Marshal(s.tally) // maps of numbers
	_, _ = fmt.Fprintf(w, "%s\n", b)
}

// count counts in one of the tally's maps.
func (s *shift) count(in func(*tally) map[string]int, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in(&s.tally)[what]++
}

func started(t *tally) map[string]int    { return t.Started }
func ended(t *tally) map[string]int      { return t.Ended }
func actions(t *tally) map[string]int    { return t.Actions }
func expected(t *tally) map[string]int   { return t.Expected }
func unexpected(t *tally) map[string]int { return t.Unexpected }

// unforeseen counts an error that nothing explains. Numbers differ from one
// sandbox to the next, and would make every error another.
func (s *shift) unforeseen(doing string, err error) {
	text := numbers.ReplaceAllString(fmt.Sprintf("%s: %v", doing, err), "#")
	text = strings.ReplaceAll(text, "\n", "; ")
	s.count(unexpected, text)
}

var numbers = regexp.MustCompile("[0-9a-f]{8,}|[0-9]+")

// whole opens the drivers, lets the slots live one life after another, and
// closes the drivers.
func (s *shift) whole(ctx context.Context, state, image string, slots int, length time.Duration) error {
	drivers, err := openDrivers(ctx, state, image)
	if err != nil {
		return err
	}
	end := time.Now().Add(length)
	var all sync.WaitGroup
	for i := range slots {
		all.Go(func() {
			for {
				l := life{shift: s, driver: drivers[i%len(drivers)], name: fmt.Sprintf("%s-%d", s.mark, s.number.Add(1)), epoch: s.epoch.Load()}
				l.live(ctx)
				if time.Now().After(end) || ctx.Err() != nil {
					return
				}
			}
		})
	}
	all.Wait()
	for _, d := range drivers {
		err = errors.Join(err, d.Close())
	}
	return err
}
