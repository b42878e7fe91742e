package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memory keeps keys as the state folder does.
type memory struct {
	folder string
	mu     sync.Mutex
	keys   map[string]string
}

func newMemory(t *testing.T) *memory { return &memory{folder: t.TempDir(), keys: map[string]string{}} }

func (m *memory) Key(step string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[step]
}

func (m *memory) SetKey(step, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[step] = key
	return nil
}

func (m *memory) Log(step string) string { return filepath.Join(m.folder, step+".log") }

// world counts what the steps do; a result that was made is there until it is lost.
type world struct {
	mu    sync.Mutex
	ran   []string
	there map[string]bool
}

func (w *world) step(name string, needs ...*Step) *Step {
	return &Step{
		Name: name, What: "makes " + name, Needs: needs,
		Holds: func(context.Context) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.there[name]
		},
		Run: func(_ context.Context, log io.Writer) error {
			fmt.Fprintln(log, "output of", name)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ran = append(w.ran, name)
			w.there[name] = true
			return nil
		},
	}
}

func bring(t *testing.T, records Records, goals ...*Step) (string, error) {
	t.Helper()
	var out bytes.Buffer
	screen := NewScreen(&out, false)
	err := Bring(t.Context(), records, screen, goals...)
	screen.Close()
	return out.String(), err
}

func TestBring(t *testing.T) {
	for name, test := range map[string]struct {
		change func(base, middle, goal *Step, w *world)
		ran    []string
	}{
		"nothing changed":                    {func(base, middle, goal *Step, w *world) {}, nil},
		"the result is gone":                 {func(base, middle, goal *Step, w *world) { w.there["goal"] = false }, []string{"goal"}},
		"only a way to the result is gone":   {func(base, middle, goal *Step, w *world) { w.there["base"] = false }, nil},
		"the result and a way to it":         {func(base, middle, goal *Step, w *world) { w.there["goal"], w.there["base"] = false, false }, []string{"goal"}},
		"the whole way is gone":              {func(base, middle, goal *Step, w *world) { clear(w.there) }, []string{"base", "middle", "goal"}},
		"an input of the goal changed":       {func(base, middle, goal *Step, w *world) { goal.Inputs = []string{"x"} }, []string{"goal"}},
		"an input of the first step changed": {func(base, middle, goal *Step, w *world) { base.Inputs = []string{"x"} }, []string{"base", "middle", "goal"}},
	} {
		t.Run(name, func(t *testing.T) {
			records, w := newMemory(t), &world{there: map[string]bool{}}
			base := w.step("base")
			middle := w.step("middle", base)
			goal := w.step("goal", middle)
			if _, err := bring(t, records, goal); err != nil {
				t.Fatal(err)
			}
			if want := []string{"base", "middle", "goal"}; !slices.Equal(w.ran, want) {
				t.Fatalf("the first time it ran %q, want %q", w.ran, want)
			}
			w.ran = nil
			test.change(base, middle, goal, w)
			if _, err := bring(t, records, goal); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(w.ran, test.ran) {
				t.Errorf("ran %q, want %q", w.ran, test.ran)
			}
		})
	}
}

func TestServiceRunsBeforeTheResultIsLookedFor(t *testing.T) {
	records, w := newMemory(t), &world{there: map[string]bool{}}
	service := w.step("service")
	goal := w.step("goal")
	goal.Uses = []*Step{service}
	holds := goal.Holds
	goal.Holds = func(ctx context.Context) bool { return w.there["service"] && holds(ctx) }
	for range 2 {
		if _, err := bring(t, records, goal); err != nil {
			t.Fatal(err)
		}
		w.there["service"] = false // as after a restart of the machine
	}
	if want := []string{"service", "goal", "service"}; !slices.Equal(w.ran, want) {
		t.Errorf("ran %q, want %q", w.ran, want)
	}
}

func TestSharedStepRunsOnce(t *testing.T) {
	records, w := newMemory(t), &world{there: map[string]bool{}}
	base := w.step("base")
	if _, err := bring(t, records, w.step("a", base), w.step("b", base), w.step("c", base)); err != nil {
		t.Fatal(err)
	}
	if len(w.ran) != 4 || w.ran[0] != "base" {
		t.Errorf("ran %q", w.ran)
	}
}

func TestHeavyStepsRunAloneAmongThemselves(t *testing.T) {
	var running, most atomic.Int32
	heavy := func(name string) *Step {
		return &Step{
			Name: name, Heavy: true,
			Holds: func(context.Context) bool { return false },
			Run: func(context.Context, io.Writer) error {
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(20 * time.Millisecond)
				running.Add(-1)
				return nil
			},
		}
	}
	if _, err := bring(t, newMemory(t), heavy("a"), heavy("b"), heavy("c")); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 1 {
		t.Errorf("%d heavy steps ran at once", most.Load())
	}
}

func TestFailure(t *testing.T) {
	records, w := newMemory(t), &world{there: map[string]bool{}}
	broken := w.step("broken")
	broken.Try = "something else"
	started := make(chan struct{})
	broken.Run = func(_ context.Context, log io.Writer) error {
		<-started // on a busy machine the other step might not begin before this one fails
		for i := range 30 {
			fmt.Fprintf(log, "line %d\n", i)
		}
		return errors.New("it is broken")
	}
	goal := w.step("goal", broken)
	stopped := make(chan struct{})
	beside := w.step("beside")
	beside.Run = func(ctx context.Context, _ io.Writer) error {
		close(started)
		<-ctx.Done()
		close(stopped)
		return ctx.Err()
	}
	out, err := bring(t, records, goal, beside)
	var failure *Failure
	if !errors.As(err, &failure) || failure.Step != broken {
		t.Fatalf("error %v, want the failure of the broken step", err)
	}
	<-stopped
	if len(failure.Tail) != tailLines || failure.Tail[tailLines-1] != "line 29" {
		t.Errorf("tail %q", failure.Tail)
	}
	for _, want := range []string{"it is broken", "line 29", records.Log("broken"), "something else"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %q:\n%s", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 9\n") || len(w.ran) > 0 {
		t.Errorf("too much: ran %q, message\n%s", w.ran, err)
	}
	if !strings.Contains(out, "failed") || !strings.Contains(out, "interrupted") {
		t.Errorf("screen:\n%s", out)
	}
	broken.Run = w.step("broken").Run
	if _, err := bring(t, records, goal); err != nil || !slices.Equal(w.ran, []string{"broken", "goal"}) {
		t.Errorf("after the repair: error %v, ran %q", err, w.ran)
	}
}

func TestInterruptionDoesNotCountAsDone(t *testing.T) {
	records, w := newMemory(t), &world{there: map[string]bool{}}
	goal := w.step("goal")
	if _, err := bring(t, records, goal); err != nil {
		t.Fatal(err)
	}
	interrupted := errors.New("interrupted by the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	again := w.step("goal")
	again.Inputs = []string{"changed"}
	again.Run = func(ctx context.Context, _ io.Writer) error {
		cancel(interrupted)
		return ctx.Err()
	}
	screen := NewScreen(io.Discard, false)
	defer screen.Close()
	if err := Bring(ctx, records, screen, again); !errors.Is(err, interrupted) {
		t.Errorf("error %v", err)
	}
	if key := records.Key("goal"); key != "" {
		t.Errorf("a half-made result has the key %q", key)
	}
}

func TestScreen(t *testing.T) {
	step := &Step{Name: "base", What: "image of Debian"}
	if got := line(step, Done, 12340*time.Millisecond); got != "done          12.3 s  base: image of Debian" {
		t.Errorf("line %q", got)
	}
	var out bytes.Buffer
	screen := &Screen{out: &out, live: true}
	screen.Started(step)
	screen.Note(step, strings.Repeat("é", 300))
	screen.draw()
	if text := []rune(out.String()); len(text) > width+10 || !strings.Contains(out.String(), "base 0 s: éé") {
		t.Errorf("%d characters: %q", len(text), out.String())
	}
	out.Reset()
	screen.live = false
	screen.draw()
	if !strings.HasPrefix(out.String(), "still at work: base 0 s") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("without a terminal: %q", out.String())
	}
}

func TestDigest(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, "in", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	digest := func() string {
		t.Helper()
		got, err := Digest(filepath.Join(folder, "in"))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	write("a", "1")
	write("sub/b", "2")
	first := digest()
	if digest() != first {
		t.Error("the same files have two digests")
	}
	write("sub/b", "3")
	if digest() == first {
		t.Error("a changed file has the same digest")
	}
	write("sub/b", "2")
	if digest() != first {
		t.Error("the time of a file counts")
	}
	if err := os.Rename(filepath.Join(folder, "in", "a"), filepath.Join(folder, "in", "c")); err != nil {
		t.Fatal(err)
	}
	if digest() == first {
		t.Error("a renamed file has the same digest")
	}
	if _, err := Digest(filepath.Join(folder, "missing")); err == nil {
		t.Error("a missing path is no error")
	}
}
