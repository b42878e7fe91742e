package sequence

import (
	"context"
	"errors"
	"testing"
)

var (
	errFirst  = errors.New("first")
	errSecond = errors.New("second")
)

func gives(err error) Part { return func(context.Context) error { return err } }

func TestTheFirstPartsWordComesFirst(t *testing.T) {
	for name, order := range map[string]func(context.Context, Part, Part) error{"in turn": InTurn, "beside": Beside} {
		for _, test := range []struct{ first, second, want error }{
			{nil, nil, nil},
			{errFirst, nil, errFirst},
			{nil, errSecond, errSecond},
			{errFirst, errSecond, errFirst},
		} {
			if got := order(t.Context(), gives(test.first), gives(test.second)); got != test.want {
				t.Errorf("%s: first %v, second %v: got %v, want %v", name, test.first, test.second, got, test.want)
			}
		}
	}
}

func TestInTurnStartsNothingAfterAFailure(t *testing.T) {
	err := InTurn(t.Context(), gives(errFirst), func(context.Context) error {
		t.Error("the second part was started")
		return nil
	})
	if err != errFirst {
		t.Error(err)
	}
}

func TestBesideRunsBothAtOnce(t *testing.T) {
	begun := make(chan struct{})
	err := Beside(t.Context(),
		func(context.Context) error { <-begun; return nil },
		func(context.Context) error { close(begun); return nil })
	if err != nil {
		t.Error(err)
	}
}

func TestBesideWaitsForTheFirstAfterTheSecondFailed(t *testing.T) {
	failed := make(chan struct{})
	err := Beside(t.Context(),
		func(context.Context) error { <-failed; return errFirst },
		func(context.Context) error { defer close(failed); return errSecond })
	if err != errFirst {
		t.Errorf("got %v, want the word of the first", err)
	}
}

func TestBesideEndsTheSecond(t *testing.T) {
	var ended bool
	err := Beside(t.Context(), gives(errFirst), func(ctx context.Context) error {
		<-ctx.Done() // without an end the test never would
		ended = true
		return ctx.Err()
	})
	if err != errFirst || !ended {
		t.Errorf("error %v, the second part ended: %t", err, ended)
	}
}
