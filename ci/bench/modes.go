package bench

import (
	"context"
	"path/filepath"
)

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
func (d *docker) modes() Group {
	name := func(mode string) string { return "train the digits, reproducible: " + mode }
	group := Group{Name: "modes", Prepare: d.ready}
	for _, mode := range []string{"off", "host", "portable"} {
		group.Measurements = append(group.Measurements, Measurement{Name: name(mode), Timed: func(ctx context.Context) error {
			return d.trainDigits(ctx, mode)
		}})
		if mode != "off" {
			group.Claims = append(group.Claims, ratio(Goal{}, name(mode), name("off")))
		}
	}
	return group
}

func (d *docker) trainDigits(ctx context.Context, mode string) error {
	var flags []string
	for _, variable := range modeVariables[mode] {
		flags = append(flags, "--env", variable)
	}
	return d.run(ctx, filepath.Join(d.place.Root, "testdata", "digits"), readyImage, flags, "python3", "/line/seeded.py", "7", mode, "train.py",
		"--data-path", "data", "--model-dir", "/out/"+mode, "--epochs=100")
}
