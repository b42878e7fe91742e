package bench

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The programs that measurements run, standing in for the real ones: each notes its arguments, and leaves what is read of it.
var standIns = map[string]string{
	"docker": `echo "docker $*" >>"$NOTES"
[ "$1 $2" != "image ls" ] || echo "newer older"`,
	"ci": `echo "ci $*" >>"$NOTES"
[ "$1" = run ] || exit 0
[ "$5" = --out ] || exit 3
mkdir -p "$6/reports"
echo '[{"name": "train", "seconds": 4.5}, {"name": "scan", "seconds": 1.5}]' >"$6/reports/steps.json"`,
	"dagger": `echo "dagger $*" >>"$NOTES"
for last; do :; done
case "$*" in
*" experiments "*) while [ "$1" != --file ]; do shift; done; echo "$(($(tr -cd , <"$2" | wc -c) + 1)) cells, 0 failed, best by accuracy: cell 1" ;;
*" report export "*) echo '{"failedRequests": 0, "p99Ms": 9, "load": {"wrong": 0, "perSecond": 99}, "rollout": {"answeredBefore": 1, "answeredAfter": 1}}' >"$last" ;;
esac`,
}

func TestEveryGroupRuns(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	programs, notes := t.TempDir(), filepath.Join(t.TempDir(), "notes")
	for name, script := range standIns {
		if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	t.Setenv("NOTES", notes)
	place := Place{
		Root: root, Program: filepath.Join(programs, "ci"), CLI: filepath.Join(programs, "dagger"), Database: "registry/db:2",
		Folder: t.TempDir(), Cells: 40, Cores: 2, Log: io.Discard,
	}
	groups := place.Groups()
	figures, results, err := Take(t.Context(), groups, 2, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, figure := range figures {
		if len(figure.All) != 2 {
			t.Errorf("%s was taken %d times", figure.Name, len(figure.All))
		}
	}
	for _, result := range results {
		if result.Value == nil {
			t.Errorf("%s was not made", result.Name)
		}
	}
	place.Clean(t.Context())
	text, err := os.ReadFile(notes)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Split(strings.TrimSpace(string(text)), "\n")
	for what, want := range map[string]int{
		"docker commit":                       1,                           // the image of all packages is made once for the groups that need it
		"docker build --tag " + builtImage:    8,                           // two rounds of three, and one before each that finds nothing changed
		"experiments --file":                  1 + 2*(3+3),                 // those that are to be known, and two rounds
		"--parallel 1 summary":                2 * 2,                       // one alone, and eight one after another
		"--set scan.database=":                1 + 2*(3+3) + 2 + 2 + 2 + 2, // every call of the module
		"--clients 50 --seconds 30":           2,                           // one load a round, however much is read of it
		"docker image rm --force newer older": 1,
	} {
		count := 0
		for _, line := range said {
			if strings.Contains(line, what) {
				count++
			}
		}
		if count != want {
			t.Errorf("%q was called %d times, want %d", what, count, want)
		}
	}
	if at := slices.IndexFunc(said, func(line string) bool { return strings.Contains(line, baseImage+" sh -ec ") }); at < 0 ||
		!strings.Contains(said[at], "pytest") || !strings.Contains(said[at+1], "train.py") || !strings.Contains(said[at+2], "evaluate.py") {
		t.Errorf("the three jobs are not test, train and evaluate: line %d of\n%s", at, text)
	}
}
