package dagger

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	colours = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	trace   = regexp.MustCompile(`\s*\[traceparent:[0-9a-f-]+\]`)
	// a line of the plain progress: number of the step, indentation, what happens
	progress = regexp.MustCompile(`^\d+\s*: (?:┆ )*(.*)$`)
	// an acceptance test that has ended
	ended = regexp.MustCompile(`^(?:ok  |FAIL) (\S+/.*?) +[0-9.]+ s$`)
)

// Message is what the module, or the CLI, says to a person about a failure; "" when the output holds no such words.
func Message(output string) string {
	output = colours.ReplaceAllString(output, "")
	const marker = "\nError: "
	at := strings.LastIndex("\n"+output, marker)
	if at < 0 {
		return ""
	}
	message := ("\n" + output)[at+len(marker):]
	return strings.TrimSpace(trace.ReplaceAllString(message, ""))
}

// activity is the command that a line of the output says is being run, or the test that has ended; "" for all other lines.
func activity(line string) string {
	line = colours.ReplaceAllString(line, "")
	if match := ended.FindStringSubmatch(line); match != nil {
		return match[1] + " has ended"
	}
	match := progress.FindStringSubmatch(line)
	if match == nil {
		return ""
	}
	if command, found := strings.CutPrefix(match[1], "withExec "); found {
		return strings.TrimSpace(command)
	}
	if strings.HasPrefix(match[1], "load ") || strings.HasPrefix(match[1], "starting engine") {
		if !strings.Contains(match[1], " DONE ") {
			return match[1]
		}
	}
	return ""
}

// watcher reads the output line by line as it comes.
type watcher struct {
	doing func(string)
	rest  []byte
}

func (w *watcher) Write(text []byte) (int, error) {
	w.rest = append(w.rest, text...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 {
			return len(text), nil
		}
		if what := activity(string(w.rest[:end])); what != "" {
			w.doing(what)
		}
		w.rest = w.rest[end+1:]
	}
}
