package answers

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEachQuestionIsPutOnce(t *testing.T) {
	var book Book[string, int]
	var asked atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			got, err := book.Find("six times seven", func() (int, error) {
				asked.Add(1)
				return 42, nil
			})
			if got != 42 || err != nil {
				t.Errorf("got %d, %v; want 42", got, err)
			}
		})
	}
	wait.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.Load())
	}
	if got, _ := book.Find("another", func() (int, error) { return 7, nil }); got != 7 {
		t.Errorf("another question: got %d, want 7", got)
	}
}

func TestAFailureIsNoAnswer(t *testing.T) {
	var book Book[string, int]
	fault := errors.New("the part beside it has ended")
	if _, err := book.Find("q", func() (int, error) { return 1, fault }); !errors.Is(err, fault) {
		t.Errorf("got %v, want %v", err, fault)
	}
	if got, err := book.Find("q", func() (int, error) { return 2, nil }); got != 2 || err != nil {
		t.Errorf("asked again: got %d, %v; want 2", got, err)
	}
}

// An answer may need others: asking must not stop those who ask something else.
func TestAnAnswerMadeOfOthers(t *testing.T) {
	var book Book[string, int]
	got, err := book.Find("sum", func() (int, error) {
		one, err := book.Find("one", func() (int, error) { return 1, nil })
		return one + 1, err
	})
	if got != 2 || err != nil {
		t.Errorf("got %d, %v; want 2", got, err)
	}
}
