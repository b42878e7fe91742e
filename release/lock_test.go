package release

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// schedule runs goroutines one operation at a time, in an order that a seed decides.
type schedule struct {
	mu      sync.Mutex
	waiting []chan struct{}
	running int
	random  *rand.Rand
}

// turn waits until it is this goroutine's turn.
func (s *schedule) turn() {
	next := make(chan struct{})
	s.mu.Lock()
	s.waiting = append(s.waiting, next)
	s.running--
	s.pick()
	s.mu.Unlock()
	<-next
}

// pick lets one go when all that run have come to wait.
func (s *schedule) pick() {
	if s.running > 0 || len(s.waiting) == 0 {
		return
	}
	at := s.random.IntN(len(s.waiting))
	next := s.waiting[at]
	s.waiting = append(s.waiting[:at], s.waiting[at+1:]...)
	s.running++
	close(next)
}

func (s *schedule) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.pick()
}

// TestOneAtATime lets several ask for the lock in many orders of their operations.
func TestOneAtATime(t *testing.T) {
	won, refused := 0, 0
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 3))
		people := 2 + int(seed%2)
		s := &schedule{running: people, random: random}
		m := newMemory()
		m.yield = s.turn
		var (
			group          sync.WaitGroup
			mu             sync.Mutex
			inside, losers int
			problem        error
		)
		for who := range people {
			group.Go(func() {
				defer s.end()
				lock, err := acquire(t.Context(), m, claim{By: fmt.Sprint(who), Action: Promote}, func(context.Context, time.Duration) error {
					s.turn()
					return nil
				})
				mu.Lock()
				var busy BusyError
				switch {
				case err == nil:
					if inside++; inside > 1 {
						problem = errors.New("two hold the lock")
					}
				case errors.As(err, &busy):
					losers++
				default:
					problem = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
				for range 6 { // the transition
					s.turn()
				}
				mu.Lock()
				inside--
				won++
				mu.Unlock()
				if err := lock.release(t.Context()); err != nil {
					problem = err
				}
			})
		}
		group.Wait()
		if problem != nil {
			t.Fatalf("seed %d: %v", seed, problem)
		}
		if losers == people {
			t.Fatalf("seed %d: nobody got the lock", seed)
		}
		if len(m.objects) != 0 {
			t.Fatalf("seed %d: left in the store: %v", seed, m.objects)
		}
		refused += losers
		runtime.Gosched()
	}
	if refused == 0 || won == 0 {
		t.Errorf("%d won and %d were refused: the test proves nothing", won, refused)
	}
}

func TestLockOfAKilledHolder(t *testing.T) {
	m := newMemory()
	if _, err := acquire(t.Context(), m, claim{By: "ann", Action: Promote, Model: "phishing", Since: start}, book(m).sleep); err != nil {
		t.Fatal(err)
	}
	_, err := acquire(t.Context(), m.pass(Lease-time.Second), claim{By: "bea"}, book(m).sleep)
	var busy BusyError
	if !errors.As(err, &busy) || !strings.Contains(err.Error(), "promote of phishing by ann since 2026-11-24T12:00:00Z") {
		t.Fatalf("got %v", err)
	}
	if _, err := acquire(t.Context(), m.pass(2*time.Second), claim{By: "bea"}, book(m).sleep); err != nil {
		t.Fatalf("after the lease: %v", err)
	}
	if len(m.objects) != 1 {
		t.Errorf("left: %v", m.objects)
	}
}

func TestUnreadableLockKeepsOut(t *testing.T) {
	m := newMemory()
	m.objects[locksFolder+"/x.json"] = object{"<html>", start}
	if _, err := acquire(t.Context(), m, claim{By: "bea"}, book(m).sleep); !errors.As(err, new(BusyError)) || !strings.Contains(err.Error(), "unreadable") {
		t.Errorf("got %v", err)
	}
}

func TestLostLockWritesNothing(t *testing.T) {
	m := newMemory()
	lock, err := acquire(t.Context(), m, claim{By: "ann"}, book(m).sleep)
	if err != nil {
		t.Fatal(err)
	}
	lock.renewed = time.Now().Add(-Lease)
	store := guarded{m, lock}
	for name, write := range map[string]func() error{
		"write":  func() error { return store.Write(t.Context(), "x", nil) },
		"upload": func() error { return store.Upload(t.Context(), "x") },
	} {
		if err := write(); err == nil || !strings.Contains(err.Error(), "nothing more is written") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// blind shows nothing of what was written.
type blind struct{ *memory }

func (blind) List(context.Context, string) ([]Object, error) { return nil, nil }

func TestStoreThatDoesNotShowWhatWasWritten(t *testing.T) {
	if _, err := acquire(t.Context(), blind{newMemory()}, claim{By: "ann"}, book(nil).sleep); err == nil || !strings.Contains(err.Error(), "is not listed") {
		t.Errorf("got %v", err)
	}
}
