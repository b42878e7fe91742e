// Command ci makes a machine able to run the module, runs the main job on it, and proves both.
//
//	go run ./ci up       bring up what is missing
//	go run ./ci run      the main job
//	go run ./ci test     everything that proves the project
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// command is one word after `ci`.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string) error
}

var commands = []command{
	{"up", "bring up only what this machine lacks: Docker, the Dagger CLI, an engine, images", up},
	{"doctor", "say what is here, what is missing and what to do; changes nothing", doctor},
	{"run", "the main job: test, train, evaluate; leaves a model with its lineage in a folder", run},
	{"test", "everything that proves the project, in stages", test},
	{"bench", "measure the line beside the same work by hand", benchCommand},
	{"drill", "plant real faults, and measure what the user sees and how long it takes to recover", drillCommand},
	{"fuzz", "try everything that reads what others wrote with made-up inputs, for as long as you like", fuzz},
	{"gitlab", "write and check a project's .gitlab-ci.yml: render, validate", gitlabCommand},
	{"gpu-proof", "on a machine with an NVIDIA card: prove what the documentation says of GPUs", gpuProof},
	{"down", "stop what `up` started; --all also removes everything it made", down},
}

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel(errInterrupted)
		signal.Stop(signals) // a second one ends the program at once
	}()
	os.Exit(status(dispatch(ctx, os.Args[1:])))
}

// status prints the error, if it is one for the user, and gives the exit status.
func status(err error) int {
	switch {
	case err == nil || errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, "interrupted: nothing half-done counts, the same command goes on from here")
		return 130
	}
	fmt.Fprintln(os.Stderr, "error:", err)
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, overview())
		return usageError{errors.New("no command given")}
	}
	if args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		fmt.Print(overview())
		return nil
	}
	for _, command := range commands {
		if command.name == args[0] {
			return command.run(ctx, args[1:])
		}
	}
	return usageError{fmt.Errorf("no command %q: want one of %s", args[0], strings.Join(names(), ", "))}
}

func names() []string {
	var all []string
	for _, command := range commands {
		all = append(all, command.name)
	}
	return all
}

func overview() string {
	text := "usage: go run ./ci COMMAND [flags]\n\n"
	for _, command := range commands {
		text += fmt.Sprintf("  %-9s %s\n", command.name, command.summary)
	}
	return text + "\n`go run ./ci COMMAND --help` lists the command's flags.\n"
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// flags is an empty set of flags, whose help begins with the command's usage and explanation.
func flags(usage, explanation string) *pflag.FlagSet {
	set := pflag.NewFlagSet(usage, pflag.ContinueOnError)
	set.SortFlags = false
	set.Usage = func() {
		fmt.Printf("usage: go run ./ci %s\n\n%s\n", usage, explanation)
		if set.HasFlags() {
			fmt.Printf("\n%s", set.FlagUsages())
		}
	}
	return set
}

// parse reads the command line, and allows at most so many arguments that are no flags.
func parse(set *pflag.FlagSet, args []string, most int) error {
	if err := set.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	given := set.Args()
	if dash := set.ArgsLenAtDash(); dash >= 0 {
		given = given[:dash]
	}
	if len(given) > most {
		return usageError{fmt.Errorf("unexpected argument %q", given[most])}
	}
	return nil
}

// repository finds the checkout that this program belongs to, from the working directory upwards.
func repository() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module dagger/tensorflow-ci\n") {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s is not in a checkout of tensorflow-ci: change into one", start)
		}
	}
}

// terminal tells whether the file is a terminal on which a line may be drawn again.
func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
}
