package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// The load under which no request may fail.
const (
	servingClients = 50
	servingSeconds = 30
)

// serving puts a served model under load, and rolls the next one out in the middle of it.
type serving struct{ place Place }

func newServing(place Place) serving { return serving{place} }

func (s serving) path(name string) string { return filepath.Join(s.place.Folder, "load", name) }

func (s serving) group() Group {
	const unit = "requests"
	bad := fmt.Sprintf("requests failed or answered wrongly, %d clients for %d s with a rollout", servingClients, servingSeconds)
	return Group{
		Name:    "load",
		Prepare: s.prepare,
		Measurements: []Measurement{
			{Name: bad, Unit: unit, Timed: s.load, Value: s.figure(func(f loadFigures) float64 { return float64(f.FailedRequests + f.Load.Wrong) })},
			{Name: "requests answered a second", Unit: "1/s", Value: s.figure(func(f loadFigures) float64 { return f.Load.PerSecond })},
			{Name: "time that 99 of 100 requests keep to", Unit: "ms", Value: s.figure(func(f loadFigures) float64 { return f.P99Ms })},
		},
		Claims: []Claim{value(atMost(0), bad, unit)},
	}
}

// prepare brings up the server's image, and trains two models that a client can tell apart.
func (s serving) prepare(ctx context.Context) error {
	if err := s.place.program(ctx, "up", "--tests"); err != nil {
		return err
	}
	project, err := copyProject(s.place.Root, s.path("project"))
	if err != nil {
		return err
	}
	for name, epochs := range map[string]string{"first": "50", "next": "20"} {
		_, err := s.place.module(ctx, project.folder, "--set", "train.args.epochs="+epochs, "train", "output", "export", "--path", s.path(name))
		if err != nil {
			return err
		}
	}
	return nil
}

func (s serving) load(ctx context.Context) error {
	_, err := s.place.module(ctx, s.path("project"),
		"model", "--directory", s.path("first"),
		"smoke-test", "--clients", strconv.Itoa(servingClients), "--seconds", strconv.Itoa(servingSeconds), "--rollout", s.path("next"),
		"report", "export", "--path", s.path("report.json"))
	return err
}

// loadFigures are the smoke test's report, as far as it is measured.
type loadFigures struct {
	FailedRequests int
	P99Ms          float64
	Load           struct {
		Requests, Wrong int
		PerSecond       float64
	}
	Rollout *struct {
		Failure                       *string
		AnsweredBefore, AnsweredAfter int
	}
}

// figure reads one from the last report; a load that met no rollout is no figure.
func (s serving) figure(of func(loadFigures) float64) func() (float64, error) {
	return func() (float64, error) {
		text, err := os.ReadFile(s.path("report.json"))
		if err != nil {
			return 0, err
		}
		figures, err := readLoad(text)
		if err != nil {
			return 0, err
		}
		return of(figures), nil
	}
}

func readLoad(text []byte) (loadFigures, error) {
	var figures loadFigures
	if err := json.Unmarshal(text, &figures); err != nil {
		return figures, fmt.Errorf("the smoke test's report: %w", err)
	}
	switch rollout := figures.Rollout; {
	case rollout == nil:
		return figures, errors.New("the smoke test rolled nothing out")
	case rollout.Failure != nil:
		return figures, fmt.Errorf("the rollout failed: %s", *rollout.Failure)
	case rollout.AnsweredBefore == 0 || rollout.AnsweredAfter == 0:
		return figures, fmt.Errorf("%d answers before the rollout and %d after it: want some of both", rollout.AnsweredBefore, rollout.AnsweredAfter)
	}
	return figures, nil
}
