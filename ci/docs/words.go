package docs

import (
	"errors"
	"fmt"
	"strings"
)

// Commands splits a block into commands and each of them into words, as a shell would: comments go, a backslash at the end of
// a line joins the next. Only what documentation needs is understood; anything else that a shell would act on is kept as it is.
func (b Block) Commands() ([][]string, error) {
	var commands [][]string
	for _, line := range strings.Split(strings.ReplaceAll(b.Text, "\\\n", " "), "\n") {
		found, err := words(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s", b.Place(), err, strings.TrimSpace(line))
		}
		if len(found) > 0 {
			commands = append(commands, found)
		}
	}
	return commands, nil
}

func words(line string) ([]string, error) {
	var found []string
	var word strings.Builder
	var quote rune
	inside := false
	end := func() {
		if inside {
			found = append(found, word.String())
		}
		word.Reset()
		inside = false
	}
	for _, letter := range line {
		switch {
		case quote != 0 && letter == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(letter)
		case letter == '\'' || letter == '"':
			quote, inside = letter, true
		case letter == ' ' || letter == '\t':
			end()
		case letter == '#' && !inside:
			return found, nil
		default:
			word.WriteRune(letter)
			inside = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	end()
	return found, nil
}

// anyModule stands in the documentation for wherever a reader has this module from.
const anyModule = "$TENSORFLOW_CI"

// Call is what comes after `dagger call` in a command, without the flags that choose a module; found tells whether it is a
// call of this module.
func Call(command []string) (args []string, found bool) {
	if len(command) < 2 || command[0] != "dagger" || command[1] != "call" {
		return nil, false
	}
	for at := 2; at < len(command); at++ {
		if command[at] != "-m" && command[at] != "--mod" {
			args = append(args, command[at])
			continue
		}
		if at++; at >= len(command) || command[at] != anyModule {
			return nil, false
		}
	}
	return args, true
}
