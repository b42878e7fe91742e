package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	fields := "1 42 42 0 -1 4194560 100 0 0 0 5 3 0 0 20 0 1 0 987654 1000 10"
	for name, test := range map[string]struct {
		stat  string
		start uint64
		state byte
		fails bool
	}{
		"plain":               {stat: "42 (dockerd) S " + fields, start: 987654, state: 'S'},
		"blanks and brackets": {stat: "42 (a) b (c d) Z " + fields, start: 987654, state: 'Z'},
		"cut off":             {stat: "42 (dockerd) S 1 42", fails: true},
		"no name":             {stat: "42 dockerd S " + fields, fails: true},
		"start is no number":  {stat: "42 (dockerd) S " + strings.Replace(fields, "987654", "x", 1), fails: true},
		"empty":               {fails: true},
	} {
		start, state, err := parseStat(test.stat)
		if (err != nil) != test.fails {
			t.Errorf("%s: error %v, want one: %t", name, err, test.fails)
		} else if err == nil && (start != test.start || state != test.state) {
			t.Errorf("%s: got %d %c, want %d %c", name, start, state, test.start, test.state)
		}
	}
}

func TestDetachedProcessIsKnownUntilItEnds(t *testing.T) {
	log := filepath.Join(t.TempDir(), "logs", "sleep.log")
	process, err := Command{Args: []string{"sleep", "60"}}.Detach(log)
	if err != nil {
		t.Fatal(err)
	}
	if !process.Alive() {
		t.Fatal("it was started and is not alive")
	}
	recycled := process
	recycled.Start++
	if recycled.Alive() {
		t.Error("another process with the same id counts as the recorded one")
	}
	rebooted := process
	rebooted.Boot = "another"
	if rebooted.Alive() {
		t.Error("a process of another boot counts as the recorded one")
	}
	if err := recycled.Stop(t.Context(), time.Second); err != nil || !process.Alive() {
		t.Errorf("stopping a process that is gone: error %v, and the one with its id must live on", err)
	}
	if err := process.Stop(t.Context(), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if process.Alive() {
		t.Error("it was stopped and is alive")
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	folder := t.TempDir()
	ready := filepath.Join(folder, "ready")
	process, err := Command{Args: []string{"sh", "-c", `trap "" TERM; : > "$0"; while :; do sleep 0.05; done`, ready}}.Detach(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := process.Stop(t.Context(), 200*time.Millisecond); err != nil || process.Alive() {
		t.Errorf("error %v, alive %t", err, process.Alive())
	}
}
