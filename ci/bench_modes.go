package main

import "path/filepath"

// modeVariables are what each mode of train.reproducible sets, beside operations that are made deterministic (all but off).
// TensorFlow takes 0 threads for as many as there are cores.
var modeVariables = map[string][]string{
	"off":  {"TF_NUM_INTRAOP_THREADS=0", "TF_NUM_INTEROP_THREADS=0"},
	"host": {"TF_NUM_INTRAOP_THREADS=2", "TF_NUM_INTEROP_THREADS=2"},
	"portable": {
		"TF_NUM_INTRAOP_THREADS=1", "TF_NUM_INTEROP_THREADS=2", "TF_ENABLE_ONEDNN_OPTS=0", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL=0",
	},
}

// modes measures what each mode of train.reproducible costs: the training of the network of convolutions, which all of them
// bear on, by docker run and against the mode that promises nothing.
func (d dockerWay) modes(times int) []measurement {
	d.project = filepath.Join(d.root, "testdata", "digits")
	name := func(mode string) string { return "train the digits, reproducible: " + mode }
	var measurements []measurement
	for _, mode := range []string{"off", "host", "portable"} {
		var flags []string
		for _, variable := range modeVariables[mode] {
			flags = append(flags, "--env", variable)
		}
		m := measurement{name: name(mode), times: times, timed: d.run(benchReady, flags, "python3", "/line/seeded.py", "7", mode, "train.py",
			"--data-path", "data", "--model-dir", "/out/"+mode, "--epochs=100")}
		if mode != "off" {
			m.against = []string{name("off")}
		}
		measurements = append(measurements, m)
	}
	return measurements
}
