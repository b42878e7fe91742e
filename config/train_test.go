package config

import "testing"

// On GPUs deterministic operations must be asked for; on processors they are what a project gets that says nothing.
func TestMode(t *testing.T) {
	for _, test := range []struct {
		text string
		set  []string
		want string
	}{
		{"version: 1", nil, Host},
		{"train: {gpus: none}", nil, Host},
		{"train: {gpus: all}", nil, Seeded},
		{"train: {gpus: 0}", nil, Seeded},
		{"train: {gpus: all, reproducible: host}", nil, Host},
		{"train: {reproducible: host, gpus: all}", nil, Host},
		{"train: {gpus: all, reproducible: off}", nil, Off},
		{"train: {reproducible: seeded}", nil, Seeded},
		{"version: 1", []string{"train.gpus=all"}, Seeded},
		{"train: {reproducible: host}", []string{"train.gpus=all"}, Host},
		{"train: {gpus: all}", []string{"train.gpus=none"}, Host},
		{"train: {gpus: all}", []string{"train.reproducible=portable"}, Portable},
		{"version: 1", []string{"train.reproducible=host", "train.gpus=all"}, Host},
	} {
		settings, err := Parse([]byte(test.text))
		if err == nil {
			settings, err = settings.Override(test.set)
		}
		if err != nil || settings.Train.Reproducible != test.want {
			t.Errorf("%s, %v: %q, %v; want %q", test.text, test.set, settings.Train.Reproducible, err, test.want)
		}
	}
}

func TestThreads(t *testing.T) {
	for _, test := range []struct {
		text       string
		processors int
		asks       bool
		want       int
	}{
		{"version: 1", 32, false, 2},
		{"train: {threads: 3}", 32, false, 3},
		{"train: {threads: auto}", 32, true, 32},
		{"train: {threads: 'auto'}", 1, true, 1},
		{"train: {threads: auto}", 0, true, 1}, // as an engine that cannot count says
		{"train: {threads: auto}", 1000, true, maxThreads},
		{"train: {threads: auto, workers: 4}", 32, true, 8},
		{"train: {threads: auto, workers: 4}", 3, true, 1},
		{"train: {threads: auto, gpus: all}", 16, true, 16},
		{"train: {threads: auto, reproducible: portable}", 32, false, AutoThreads},
		{"train: {threads: auto, reproducible: off}", 32, false, AutoThreads},
	} {
		settings, err := Parse([]byte(test.text))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if asks := settings.Train.AsksForProcessors(); asks != test.asks {
			t.Errorf("%s: asks for processors %t", test.text, asks)
		}
		on := settings.Train.OnProcessors(test.processors)
		if on.Threads != test.want || on.AsksForProcessors() {
			t.Errorf("%s on %d processors: %d threads, want %d", test.text, test.processors, on.Threads, test.want)
		}
	}
	settings, err := Default().Override([]string{"train.threads=auto"})
	if err != nil || settings.Train.Threads != AutoThreads {
		t.Errorf("--set train.threads=auto: %d, %v", settings.Train.Threads, err)
	}
}
