// Command trivydb makes a vulnerability database for Trivy from a list of facts, and pushes it to a registry.
//
//	trivydb facts.json HOST:5000/aquasec/trivy-db:2
//
// With --empty, --truncated, --updated-at or --without it makes one that no scan should trust, for the tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "trivydb:", err)
		}
		os.Exit(1)
	}
}

// order is what the command line asks for.
type order struct {
	facts     string
	reference string
	updatedAt time.Time
	empty     bool
	truncated bool
	without   string
}

func parse(args []string) (order, error) {
	set := flag.NewFlagSet("trivydb [flags] FACTS REFERENCE", flag.ContinueOnError)
	wish := order{updatedAt: time.Now().UTC().Truncate(time.Second)}
	set.BoolVar(&wish.empty, "empty", false, "leave all facts out")
	set.BoolVar(&wish.truncated, "truncated", false, "cut the database in half")
	set.StringVar(&wish.without, "without", "", "leave the facts about one system or language out, for example ubuntu")
	set.Func("updated-at", "time that the database claims to be from, for example 2024-11-24T00:00:00Z (default now)", func(text string) (err error) {
		wish.updatedAt, err = time.Parse(time.RFC3339, text)
		return err
	})
	if err := set.Parse(args); err != nil {
		return wish, err
	}
	if set.NArg() != 2 {
		return wish, fmt.Errorf("want FACTS and REFERENCE after the flags, got %q", set.Args())
	}
	wish.facts, wish.reference = set.Arg(0), set.Arg(1)
	return wish, nil
}

func run(ctx context.Context, args []string) error {
	wish, err := parse(args)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(wish.facts)
	if err != nil {
		return err
	}
	facts, err := read(text)
	if err != nil {
		return fmt.Errorf("%s: %w", wish.facts, err)
	}
	if wish.empty {
		facts = nil
	}
	if wish.without != "" {
		if facts, err = without(facts, wish.without); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp("", "trivydb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := write(folder, facts, wish.updatedAt); err != nil {
		return fmt.Errorf("cannot write the database: %w", err)
	}
	if wish.truncated {
		if err := cut(folder); err != nil {
			return err
		}
	}
	image, err := artifact(folder, wish.updatedAt, fmt.Sprintf("%d advisories that tensorflow-ci lists; not the public database", len(facts)))
	if err != nil {
		return fmt.Errorf("cannot pack the database: %w", err)
	}
	pushed, err := push(ctx, image, wish.reference)
	if err != nil {
		return fmt.Errorf("cannot push to %s: %w", wish.reference, err)
	}
	fmt.Println(pushed)
	return nil
}
