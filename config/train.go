package config

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// AutoThreads as Train.Threads stands for as many threads as the training may use processors.
const AutoThreads = 0

// autoThreads is how the settings write AutoThreads.
const autoThreads = "auto"

// threads reads a number of threads, or auto.
func threads(v value) (int, bool) {
	if v.Kind == yaml.ScalarNode && v.Value == autoThreads {
		return AutoThreads, true
	}
	return wholeNumber(fmt.Sprintf("%s, or a whole number from 1 to %d", autoThreads, maxThreads), 1, maxThreads)(v)
}

// readMode reads train.reproducible, and remembers that it was written.
func (t *Train) readMode(v value) {
	if mode, ok := oneOf(Off, Seeded, Host, Portable)(v); ok {
		t.Reproducible, t.modeGiven = mode, true
	}
}

// chooseMode sets the mode of a training whose settings name none.
//
// What deterministic operations cost on a GPU depends on the network and is not known: there they must be asked for.
func (t *Train) chooseMode() {
	switch {
	case t.modeGiven:
	case t.GPUs == NoGPUs:
		t.Reproducible = Host
	default:
		t.Reproducible = Seeded
	}
}

// AsksForProcessors reports whether the number of threads follows from the processors of the machine.
func (t Train) AsksForProcessors() bool {
	return t.Threads == AutoThreads && (t.Reproducible == Host || t.Reproducible == Seeded)
}

// OnProcessors returns the settings with the number of threads that so many processors give. Workers share them, since
// they run concurrently on one engine.
func (t Train) OnProcessors(count int) Train {
	if t.AsksForProcessors() {
		t.Threads = min(maxThreads, max(1, count/t.Workers))
	}
	return t
}
