package main

import (
	"errors"
	"fmt"
	"strings"

	"dagger/tensorflow-ci/internal/dagger"
)

// marker starts the lines by which the programs in scripts/ say what went wrong, among a user's own output.
const marker = "error: "

// tailLines is how much of a program's own output an error repeats: enough for the end of a Python traceback.
const tailLines = 15

// failure says what could not be done and, when a container's command failed, why in that command's own words: the
// lines it marked as its errors first, then the end of its output.
func failure(what string, err error) error {
	var exec *dagger.ExecError
	if !errors.As(err, &exec) {
		// Not wrapped: of an error that holds one of the engine's, a caller is shown only the engine's own words.
		return fmt.Errorf("%s: %v", what, err)
	}
	var reasons, output []string
	for line := range strings.Lines(exec.Stderr) {
		line = strings.TrimRight(line, "\r\n")
		if reason, marked := strings.CutPrefix(line, marker); marked {
			reasons = append(reasons, reason)
		} else if strings.TrimSpace(line) != "" {
			output = append(output, line)
		}
	}
	if len(reasons) == 0 {
		reasons = []string{fmt.Sprintf("the command exited with status %d", exec.ExitCode)}
	}
	message := what + ": " + strings.Join(reasons, "\n")
	if len(output) > 0 {
		output = output[max(0, len(output)-tailLines):]
		message += "\nIts last output:\n  " + strings.Join(output, "\n  ")
	}
	return errors.New(message)
}
