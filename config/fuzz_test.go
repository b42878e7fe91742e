package config

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/scanpolicy"
)

// sound are the promises that settings keep, whatever they were read from: nothing leaves the project, nothing looks like
// a flag, everything is within its limits.
func sound(settings Config) error {
	var wrong []error
	want := func(holds bool, what string, value any) {
		if !holds {
			wrong = append(wrong, fmt.Errorf("%s is %.100q", what, fmt.Sprint(value)))
		}
	}
	inside := func(what string, paths ...string) {
		for _, one := range paths {
			want(one != "" && path.Clean(one) == one && !path.IsAbs(one) && one != ".." && !strings.HasPrefix(one, "../") && !strings.HasPrefix(one, "-"), what, one)
		}
	}
	within := func(what string, value, low, high int) { want(low <= value && value <= high, what, value) }

	want(settings.Version == 1, "version", settings.Version)
	want(modelForm.MatchString(settings.Model), "model", settings.Model)
	for role, reference := range settings.Images {
		_, err := imageref.Parse(reference)
		want(err == nil && slices.Contains(roles, role), "images."+role, reference)
	}
	inside("a path", slices.Concat(settings.Test.Paths, settings.Lint.Paths, []string{settings.Train.Script, settings.Train.Data, settings.Scan.IgnoreFile})...)
	if settings.Requirements != NoRequirements {
		inside("requirements", settings.Requirements)
	}
	if settings.Test.Coverage.Source != "" {
		inside("test.coverage.source", settings.Test.Coverage.Source)
	}
	want(path.Ext(settings.Train.Script) == ".py", "train.script", settings.Train.Script)
	within("train.seed", settings.Train.Seed, 0, maxSeed)
	within("train.threads", settings.Train.Threads, AutoThreads, maxThreads)
	within("train.threads on 3 processors", settings.Train.OnProcessors(3).Threads, AutoThreads, maxThreads)
	within("train.workers", settings.Train.Workers, 1, maxWorkers)
	within("scan.max-database-days", settings.Scan.MaxDatabaseDays, 1, maxDatabaseDays)
	within("release.canary-percent", settings.Release.CanaryPercent, 0, 100)
	within("release.approvals", settings.Release.Approvals, 0, maxApprovals)
	for _, limit := range []time.Duration{settings.Test.TimeLimit, settings.Train.TimeLimit} {
		want(limit >= time.Second && limit <= 7*24*time.Hour, "a time limit", limit)
	}
	names := map[string]bool{}
	for _, arg := range settings.Train.Args {
		names[arg.Name] = true
		want(argForm.MatchString(arg.Name) && !slices.Contains(lineArgs, strings.ReplaceAll(arg.Name, "_", "-")), "an argument", arg.Name)
		want(!strings.Contains(arg.Value, "\x00") && len(arg.Value) <= maxArg, "the value of "+arg.Name, arg.Value)
	}
	want(slices.IsSortedFunc(settings.Train.Args, func(a, b Arg) int { return strings.Compare(a.Name, b.Name) }), "the order of", slices.Collect(maps.Keys(names)))
	for _, severities := range [][]string{settings.Scan.Severity, settings.Scan.Targets[ScanServing].Severity} {
		for _, severity := range severities {
			want(slices.Contains(scanpolicy.Severities, severity), "a severity", severity)
		}
	}
	for _, rule := range settings.Gate {
		want(rule.Metric != "" && (rule.Minimum != nil || rule.Maximum != nil || rule.MaxDrop != nil), "a rule", rule)
		for _, limit := range []*float64{rule.Minimum, rule.Maximum, rule.MaxDrop} {
			want(limit == nil || *limit == *limit && (!gate.Bounded(rule.Metric) || 0 <= *limit && *limit <= 1), "a limit of "+rule.Metric, limit)
		}
	}
	return errors.Join(wrong...)
}

// told holds a refusal against what a person needs: each line names its place, and none of them spoils a terminal.
func told(t *testing.T, err error, place string) {
	t.Helper()
	lines := strings.Split(err.Error(), "\n")
	if len(lines) > maxProblems+1 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, place) && !strings.HasPrefix(line, "and ") {
			t.Errorf("a message without its place: %q", line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) || !strings.Contains(line, " ") {
			t.Errorf("unfit for a log: %q", line)
		}
	}
}

// FuzzSettings holds that a file is either refused in words that name the place of each problem, or gives settings that
// keep every promise.
func FuzzSettings(f *testing.F) {
	f.Add([]byte(sample))
	for _, seed := range []string{
		"", "version: 1\nmodel: x\n", "train: {args: {a: [1, b], c: true, d: false, e: '-1'}}", "train: {script: ./a/../b.py, data: d/}", "train: {args: {A: 1}}",
		"scan: {targets: {serving: {severity: [LOW], ignore-unfixed: false}}, unproven: [alpine]}", "gate: [{metric: loss, maximum: 3, slice: a=b}]",
		"test: {paths: [-x, ../y, /z, \"\\e\"]}", "images: {trivy: aquasec/trivy:0.69.4}", "exports: []", "train: {gpus: 0}", "a\rb: [\x7f]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		settings, err := Parse(text)
		if err != nil {
			told(t, err, FileName+":")
			return
		}
		if err := sound(settings); err != nil {
			t.Errorf("accepted:\n%v", err)
		}
		if again, err := settings.Override(nil); err != nil || fmt.Sprint(again) != fmt.Sprint(settings) {
			t.Errorf("no change gives %+v (%v)", again, err)
		}
	})
}

// FuzzOverride holds the same of two settings that come as flags, and that the settings beneath stay as they were.
func FuzzOverride(f *testing.F) {
	for _, seed := range [][2]string{
		{"train.args.epochs=5", "train.args.epochs=6"}, {"train.seed=7", "model=b"}, {"train.args.a=", "train.args.b=true"}, {"=", ""}, {"a.b.c=d", "train=5"},
		{"scan.database=r.example/trivy-db:2", "scan.max-database-days=90"}, {"images.tensorflow=x:1", "images.x=y"}, {"train.args.=1", "train..args=2"}, {"test.time-limit=\x1b[31m", "train.data=../x"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		below := Default()
		below.Train.Args = []Arg{{Name: "kept", Value: "1"}}
		before := fmt.Sprint(below)
		settings, err := below.Override([]string{first, second})
		if fmt.Sprint(below) != before {
			t.Errorf("the settings beneath have changed to %+v", below)
		}
		if err != nil {
			told(t, err, "--set ")
			return
		}
		if err := sound(settings); err != nil {
			t.Errorf("accepted:\n%v", err)
		}
		twice, err := settings.Override([]string{first, second})
		if err != nil || fmt.Sprint(twice) != fmt.Sprint(settings) {
			t.Errorf("the same again gives %+v, not %+v (%v)", twice, settings, err)
		}
	})
}
