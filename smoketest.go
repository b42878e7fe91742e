package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/internal/dagger"
)

const (
	maxClients     = 1000
	maxLoadSeconds = 3600
)

// SmokeTest is what a model that is served answered, how fast, and whether that is as it should be.
type SmokeTest struct {
	// smoke-test.json: how far the answers are from the SavedModel's, what failed, and how fast it was.
	//
	// The largest difference over REST and gRPC, requests that failed and why, latency (p50, p95, p99, max, in ms) and requests
	// a second, the rollout, and each limit with its verdict.
	Report *dagger.File
	// Whether every limit holds.
	Passed bool
	// One line: rows, clients, latency, throughput, largest difference.
	Summary string
	// +private
	Reason string
	// +private
	Record *dagger.File
}

// Fail when the served model answers otherwise than the SavedModel, too slowly, or not at all, naming value and limit.
func (t *SmokeTest) Check() error {
	if t.Passed {
		return nil
	}
	return fmt.Errorf("smoke test: %s", t.Reason)
}

// Serve the model, ask for the held-out rows over REST and gRPC, compare with the SavedModel, and put load on the server.
//
// Every answer is compared, also those under load. With --rollout, the next model is rolled out in the middle of the load: no
// request may fail, and after the move of the label every answer must be the next model's. The verdict is in the result; only
// its check fails: smoke-test check. Never served from a cache.
//
// +cache="never"
func (m *Model) SmokeTest(
	ctx context.Context,
	// Rows to ask for instead of evaluate.data: .csv or .npz.
	// +optional
	data *dagger.File,
	// Largest difference that an answer may have from the SavedModel's: a number, as text.
	// +default="1e-5"
	maxDifference string,
	// Longest time in ms that 99 of 100 requests may take under load: a number, as text; no limit without it. Example: 50
	// +optional
	maxP99 string,
	// Clients that ask at the same time, one row a request, REST and gRPC in turn: 1 to 1000.
	// +default=4
	clients int,
	// Seconds of load: 1 to 3600.
	// +default=3
	seconds int,
	// Next model, to roll out in the middle of the load: a SavedModel directory or the output of pipeline.
	// +optional
	rollout *dagger.Directory,
	// Server to test in place of one that is started for it: it serves the model on ports 8500 and 8501 under the name in
	// model: and the label stable, as serve does.
	// +optional
	server *dagger.Service,
) (*SmokeTest, error) {
	rules, err := smokeRules(maxDifference, maxP99)
	if err != nil {
		return nil, err
	}
	switch {
	case clients < 1 || clients > maxClients:
		return nil, fmt.Errorf("--clients is %d: want 1 to %d", clients, maxClients)
	case seconds < 1 || seconds > maxLoadSeconds:
		return nil, fmt.Errorf("--seconds is %d: want 1 to %d", seconds, maxLoadSeconds)
	case rollout != nil && server != nil:
		return nil, fmt.Errorf("--rollout and --server exclude each other: the next model must lie in the server that is tested")
	}
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	test := smokeRun{model: m, settings: settings, data: data, server: server}
	if rollout != nil {
		if test.next, err = m.Line.Model(ctx, rollout); err != nil {
			return nil, fmt.Errorf("rollout: %w", err)
		}
	}
	return test.do(ctx, rules, clients, seconds)
}

// smokeRules are the limits, as a gate judges them.
func smokeRules(maxDifference, maxP99 string) ([]gate.Rule, error) {
	if maxDifference == "" {
		return nil, fmt.Errorf("--max-difference is empty: want a number, such as 1e-5")
	}
	rules, err := limits{difference: maxDifference}.rules()
	if err != nil {
		return nil, err
	}
	none := 0.0
	rules = append(rules, gate.Rule{Metric: "failedRequests", Maximum: &none})
	most, err := gate.Limit("max-p99", maxP99, 0.001, 1e6, "50 (ms)")
	if most != nil {
		rules = append(rules, gate.Rule{Metric: "p99Ms", Maximum: most})
	}
	return rules, err
}

// smokeFigures is the report of scripts/smoketest.py, as far as the verdict needs it.
type smokeFigures struct {
	Examples, FailedRequests int
	MaxAbsDiff, P99Ms        *float64
	Reasons                  map[string]int
	Load                     struct {
		Clients, Requests  int
		Seconds, PerSecond float64
		LatencyMs          *struct{ P50, P95, P99 float64 }
		Reasons            map[string]int
	}
	Rollout *struct {
		Failure                       *string
		AnsweredBefore, AnsweredAfter int
	}
}

// newSmokeTest judges what the test's container left by the limits.
func newSmokeTest(ctx context.Context, done *dagger.Container, rules []gate.Rule) (*SmokeTest, error) {
	text, err := done.File(outDir + "/smoke-test.json").Contents(ctx)
	if err != nil {
		return nil, failure("the smoke test's report", err)
	}
	var found smokeFigures
	var report map[string]any
	for _, target := range []any{&found, &report} {
		if err := json.Unmarshal([]byte(text), target); err != nil {
			return nil, fmt.Errorf("the smoke test's report: %w", err)
		}
	}
	failed := float64(found.FailedRequests)
	measured := gate.Measured{Metrics: map[string]*float64{"maxAbsDiff": found.MaxAbsDiff, "failedRequests": &failed, "p99Ms": found.P99Ms}}
	verdict := gate.Judge(rules, measured, nil)
	report["gate"] = verdict
	full, err := indented(report)
	if err != nil {
		return nil, err
	}
	reasons := found.reasons(verdict.Err())
	return &SmokeTest{
		Report:  dag.Directory().WithNewFile("smoke-test.json", full).File("smoke-test.json"),
		Passed:  len(reasons) == 0,
		Summary: found.summary() + "; " + verdict.Summary(measured),
		Reason:  strings.Join(reasons, "\n"),
		Record:  done.File(outDir + "/run.json"),
	}, nil
}

// reasons are what keeps the test from passing, with what the server said.
func (f smokeFigures) reasons(verdict error) []string {
	var reasons []string
	if verdict != nil {
		reasons = append(reasons, verdict.Error())
	}
	if f.Rollout != nil && f.Rollout.Failure != nil {
		reasons = append(reasons, "the rollout failed: "+*f.Rollout.Failure)
	}
	said := maps.Clone(f.Load.Reasons)
	if said == nil {
		said = map[string]int{}
	}
	for reason, count := range f.Reasons {
		said[reason] += count
	}
	for _, reason := range slices.Sorted(maps.Keys(said)) {
		reasons = append(reasons, fmt.Sprintf("%d requests: %s", said[reason], reason))
	}
	return reasons
}

func (f smokeFigures) summary() string {
	text := fmt.Sprintf("%d rows over REST and gRPC; %d clients for %.1f s: %d requests, %.1f a second",
		f.Examples, f.Load.Clients, f.Load.Seconds, f.Load.Requests, f.Load.PerSecond)
	if latency := f.Load.LatencyMs; latency != nil {
		text += fmt.Sprintf(", p50 %.1f ms, p95 %.1f ms, p99 %.1f ms", latency.P50, latency.P95, latency.P99)
	}
	if f.Rollout != nil {
		text += fmt.Sprintf("; rollout: %d answers before, %d after", f.Rollout.AnsweredBefore, f.Rollout.AnsweredAfter)
	}
	return text
}
