package dagger

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMessage(t *testing.T) {
	for name, test := range map[string]struct{ output, want string }{
		"one line": {
			"12  : ! the project has no train.py\n\n\nError: the project has no train.py: write one [traceparent:c1aa5525f3dd500f1773b0255863214d-644eec684463ce40]\n",
			"the project has no train.py: write one"},
		"several lines": {
			"1 : connect DONE\nError: training: the command exited with status 3\nIts last output:\n  boom [traceparent:00-11]\n",
			"training: the command exited with status 3\nIts last output:\n  boom"},
		"colours":        {"\x1b[31mError: \x1b[0mno\x1b[1m way\x1b[0m\n", "no way"},
		"the last one":   {"Error: of a user's program\nmore\nError: the module's\n", "the module's"},
		"nothing to say": {"1 : connect\n12 : [0.1s] | Error: of a program, indented\n", ""},
		"empty":          {"", ""},
	} {
		if got := Message(test.output); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestActivity(t *testing.T) {
	for line, want := range map[string]string{
		"40  : ┆ withExec python3 /line/install.py --limit 1800":   "python3 /line/install.py --limit 1800",
		"\x1b[2m40  : \x1b[0m┆ ┆ withExec pytest":                  "pytest",
		"40  : ┆ Container.withExec DONE [3.9s]":                   "",
		"8   : load workspace: .":                                  "load workspace: .",
		"8   : load workspace: . DONE [11.0s]":                     "",
		"96  : ┆ [1.2s] |    withExec is only a word of a program": "",
		"2   : ┆ starting engine":                                  "starting engine",
		"ok   train/a script that hangs       16.9 s":              "train/a script that hangs has ended",
		"FAIL scan/a secret is found      2.0 s":                   "scan/a secret is found has ended",
		"ok   dagger/tensorflow-ci/gate	0.049s":                    "",
		"plain text":                                               "",
		"":                                                         "",
	} {
		if got := activity(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestWatcherSeesLinesThatComeInPieces(t *testing.T) {
	var seen []string
	w := &watcher{doing: func(what string) { seen = append(seen, what) }}
	for _, piece := range []string{"1 : ┆ with", "Exec a\n1 : ┆ withExec b\n1 : x", "\n1 : withExec c"} {
		if n, err := io.WriteString(w, piece); err != nil || n != len(piece) {
			t.Fatal(n, err)
		}
	}
	if !slices.Equal(seen, []string{"a", "b"}) {
		t.Errorf("saw %q", seen)
	}
}

func TestCall(t *testing.T) {
	cli := filepath.Join(t.TempDir(), "dagger")
	script := "#!/bin/sh\necho \"$@\"\necho '1 : withExec train' >&2\n[ \"$TOKEN\" = x ] || exit 4\n"
	if err := os.WriteFile(cli, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var log, out strings.Builder
	var doing []string
	call := Call{CLI: cli, Module: "/module", Args: []string{"--source", "a b", "run"}, Env: []string{"TOKEN=x"}, Out: &out}
	if err := call.Run(t.Context(), &log, func(what string) { doing = append(doing, what) }); err != nil {
		t.Fatal(err)
	}
	if want := "--progress=plain call -m /module --source a b run\n"; out.String() != want || !strings.Contains(log.String(), want) {
		t.Errorf("out %q, log %q", out.String(), log.String())
	}
	if !slices.Equal(doing, []string{"train"}) {
		t.Errorf("doing %q", doing)
	}
	call.Env = nil
	if err := call.Run(t.Context(), io.Discard, func(string) {}); err == nil {
		t.Error("a call that fails is no error")
	}
}
