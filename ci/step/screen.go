package step

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Verdict is how a step ended.
type Verdict string

const (
	Done        Verdict = "done"
	Cached      Verdict = "cached"
	Failed      Verdict = "failed"
	Interrupted Verdict = "interrupted"
)

const (
	frame     = 120 * time.Millisecond // of the spinner
	heartbeat = 30 * time.Second       // between signs of life where there is no spinner
	width     = 100                    // of the progress line: it must never wrap
)

// Screen shows the steps: one line for each that ended, and below them, on a terminal, one that moves.
type Screen struct {
	out  io.Writer
	live bool
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	running []*work
	turn    int
}

type work struct {
	step  *Step
	since time.Time
	note  string
}

// NewScreen shows on out; live means that out is a terminal. Close ends it.
func NewScreen(out io.Writer, live bool) *Screen {
	s := &Screen{out: out, live: live, stop: make(chan struct{}), done: make(chan struct{})}
	go s.animate()
	return s
}

// Close takes the moving line away.
func (s *Screen) Close() {
	close(s.stop)
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

// Say prints a line that belongs to no step.
func (s *Screen) Say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// Started begins to count a step's time.
func (s *Screen) Started(step *Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = append(s.running, &work{step: step, since: time.Now()})
}

// Note says what a running step is at.
func (s *Screen) Note(step *Step, note string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, work := range s.running {
		if work.step == step {
			work.note = note
		}
	}
}

// Finished prints a step's line.
func (s *Screen) Finished(step *Step, verdict Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	elapsed := time.Duration(0)
	s.running = slices.DeleteFunc(s.running, func(w *work) bool {
		if w.step == step {
			elapsed = time.Since(w.since)
		}
		return w.step == step
	})
	s.clear()
	fmt.Fprintln(s.out, line(step, verdict, elapsed))
}

// line is what stays on the screen of a step: verdict, seconds, what it was.
func line(step *Step, verdict Verdict, elapsed time.Duration) string {
	return fmt.Sprintf("%-11s %6.1f s  %s: %s", verdict, elapsed.Seconds(), step.Name, step.What)
}

func (s *Screen) animate() {
	defer close(s.done)
	every := heartbeat
	if s.live {
		every = frame
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.draw()
		}
	}
}

func (s *Screen) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.running) == 0 {
		return
	}
	if !s.live {
		fmt.Fprintln(s.out, "still at work: "+s.atWork())
		return
	}
	const spinner = "|/-\\"
	s.turn++
	s.clear()
	fmt.Fprintf(s.out, "%c %s", spinner[s.turn%len(spinner)], s.atWork())
}

// atWork lists what runs now, and for how long.
func (s *Screen) atWork() string {
	names := make([]string, 0, len(s.running))
	for _, work := range s.running {
		name := fmt.Sprintf("%s %.0f s", work.step.Name, time.Since(work.since).Seconds())
		if work.note != "" {
			name += ": " + work.note
		}
		names = append(names, name)
	}
	text := []rune(strings.Join(names, ", "))
	return string(text[:min(len(text), width)])
}

func (s *Screen) clear() {
	if s.live {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}
