package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"dagger/tests/internal/dagger"
)

// handsOver is the tiny project's script, leaving a Keras file in place of a SavedModel.
func handsOver() *dagger.Directory {
	return tiny().WithNewFile("train.py", strings.Replace(trainTiny, "model.export(options.model_dir)", "model.save(options.model_dir + \"/model.keras\")", 1))
}

// reproducible: what each mode of train.reproducible promises, with a network of convolutions, which shows what a small one hides.
func (t *Tests) reproducible() []check {
	const short = "train.args.epochs=1"
	return []check{
		{"reproducible/a .keras file becomes the same SavedModel twice, byte for byte", func(ctx context.Context) error {
			var files []map[string]string
			for range 2 {
				text, err := line(fresh(handsOver())).Train().Manifest().Contents(ctx)
				if err != nil {
					return err
				}
				var manifest struct {
					ExportedBy string
					Files      map[string]string
				}
				if err := json.Unmarshal([]byte(text), &manifest); err != nil {
					return err
				}
				if manifest.ExportedBy != "the line, from model.keras" || len(manifest.Files) < 4 {
					return fmt.Errorf("exportedBy is %q, files are %v", manifest.ExportedBy, manifest.Files)
				}
				files = append(files, manifest.Files)
			}
			if !maps.Equal(files[0], files[1]) {
				return fmt.Errorf("the files of two trainings differ: %v, %v", files[0], files[1])
			}
			return nil
		}},
		{"reproducible/one core, another folder and another user: equal weights", func(ctx context.Context) error {
			want, err := line(t.Digits, short).Train().Digest(ctx)
			if err != nil {
				return err
			}
			got, err := t.elsewhere(ctx, "host", map[string]string{"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2"})
			if err == nil && got != want {
				return fmt.Errorf("the line made %s, the same command elsewhere %s", want, got)
			}
			return err
		}},
		{"reproducible/portable: one core and no AVX-512 give equal weights", func(ctx context.Context) error {
			want, err := line(t.Digits, short, "train.reproducible=portable").Train().Digest(ctx)
			if err != nil {
				return err
			}
			got, err := t.elsewhere(ctx, "portable", map[string]string{
				"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2",
				"TF_ENABLE_ONEDNN_OPTS": "0", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0", "ONEDNN_MAX_CPU_ISA": "AVX2",
				"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW",
			})
			if err == nil && got != want {
				return fmt.Errorf("the line made %s, the same command without AVX-512 %s", want, got)
			}
			return err
		}},
		{"reproducible/other threads give other weights: the test above can fail", func(ctx context.Context) error {
			want, err := line(t.Digits, short).Train().Digest(ctx)
			if err != nil {
				return err
			}
			got, err := t.elsewhere(ctx, "host", map[string]string{"TF_NUM_INTRAOP_THREADS": "4", "TF_NUM_INTEROP_THREADS": "2"})
			if err == nil && got == want {
				return fmt.Errorf("with 4 threads the digest is that of 2: this network does not show what it should")
			}
			return err
		}},
	}
}

// elsewhere trains the digits project as the line does, on one core, in another folder, as another user, and digests the model.
func (t *Tests) elsewhere(ctx context.Context, mode string, variables map[string]string) (string, error) {
	project := t.Digits.WithoutFile("data/held-out.npz")
	container := line(t.Digits).Environment().
		WithMountedDirectory("/programs", t.Scripts).
		WithDirectory("/home/someone/else", project, dagger.ContainerWithDirectoryOpts{Owner: "1000"}).
		WithDirectory("/tmp/made", dag.Directory(), dagger.ContainerWithDirectoryOpts{Owner: "1000"}).
		WithWorkdir("/home/someone/else").
		WithUser("1000").
		WithEnvVariable("HOME", "/tmp/made").
		WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
		WithEnvVariable("PYTHONHASHSEED", "7")
	for name, value := range variables {
		container = container.WithEnvVariable(name, value)
	}
	text, err := container.
		WithExec([]string{"taskset", "--cpu-list", "0", "python3", "/programs/seeded.py", "7", mode, "train.py",
			"--data-path", "data", "--model-dir", "/tmp/made/model", "--epochs=1"}).
		WithExec([]string{"python3", "/programs/modeldigest.py", "/tmp/made/model"}).
		Stdout(ctx)
	if err != nil {
		return "", err
	}
	var digest struct{ CanonicalDigest string }
	err = json.Unmarshal([]byte(text), &digest)
	return digest.CanonicalDigest, err
}
