package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/jobspec"
)

// Run the project's training script and return the model that it exported.
//
// The script is called as python SCRIPT --data-path DIR --model-dir DIR and what train.args holds; it must leave a
// SavedModel in the model directory, or a Keras file that the line makes one of. Served from the cache while code, data, requirements, image and arguments are
// the same. Held-out data (evaluate.data) is never shown to it. A script that takes --checkpoint-dir goes on from there
// after it was killed, also on another engine where train.checkpoints names a store. With train.workers above 1 it runs in that many containers at once, told of each other by
// TF_CONFIG (MultiWorkerMirroredStrategy); the chief's model is the result.
//
// +cache="session"
func (m *TensorflowCi) Train(ctx context.Context) (*Model, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return nil, err
	}
	return m.train(ctx, settings, installed)
}

func (m *TensorflowCi) train(ctx context.Context, settings config.Config, installed *dagger.Container) (*Model, error) {
	if err := m.present(ctx, "train.script", settings.Train.Script); err != nil {
		return nil, err
	}
	settings, err := m.onThisEngine(ctx, settings)
	if err != nil {
		return nil, err
	}
	data, err := m.trainingData(ctx, settings)
	if err != nil {
		return nil, err
	}
	if err := m.dataHolds(ctx, settings); err != nil {
		return nil, err
	}
	if settings.Train.GPUs != config.NoGPUs {
		if _, err := m.gpuCheck(ctx, settings, installed); err != nil {
			return nil, err
		}
	}
	source := m.trainingSource(settings)
	checkpoints, store, err := m.checkpoints(ctx, settings, source, data)
	if err != nil {
		return nil, err
	}
	dataPath := path.Join(sourceDir, settings.Train.Data)
	launch := []string{
		"python3", lineDir + "/launch.py",
		"--script", settings.Train.Script,
		"--data", dataPath,
		"--out", outDir,
		"--seed", strconv.Itoa(settings.Train.Seed),
		"--mode", settings.Train.Reproducible,
		"--limit", seconds(settings.Train.TimeLimit),
	}
	if checkpoints != nil {
		launch = append(launch, "--checkpoints", checkpointDir)
	}
	if settings.Train.Memory > 0 {
		launch = append(launch, "--memory", strconv.FormatInt(settings.Train.Memory, 10))
	}
	programs := []string{"launch.py", "seeded.py", "export.py", "memory.py", "processors.py"}
	if store != nil {
		programs = append(programs, "keepcheckpoints.py")
	}
	trainer := installed.
		With(scripts(programs...)).
		WithDirectory(sourceDir, source).
		WithMountedDirectory(dataPath, data).
		WithWorkdir(sourceDir).
		With(reproducible(settings)).
		With(gpus(settings)).
		With(resumable(checkpoints)).
		With(store.bound).
		With(m.anew(checkpoints != nil))
	args := arguments(settings.Train.Args)
	if settings.Train.Workers > 1 {
		var flags []string
		trainer, flags = withWorkers(trainer, settings.Train.Workers, slices.Concat(launch, args))
		launch = append(launch, flags...)
	}
	done, err := trainer.WithExec(store.command(slices.Concat(launch, []string{"--"}, args))).Sync(ctx)
	if err != nil {
		return nil, gpuFailure("training", err)
	}
	return &Model{
		SavedModel: done.Directory(outDir + "/model"),
		Logs:       done.Directory(outDir + "/logs"),
		Training:   done.File(outDir + "/training.json"),
		Record:     done.File(outDir + "/run.json"),
		Line:       m,
	}, nil
}

// trainingSource is the code that a model is a function of: the project without its data and without the files whose
// change says nothing about the model (train.ignore).
func (m *TensorflowCi) trainingSource(settings config.Config) *dagger.Directory {
	code, _ := trainingCode.Find(sourcePart{m.Source, fmt.Sprintf("%q %q", settings.Train.Ignore, settings.Train.Data)}, func() (*dagger.Directory, error) {
		return m.Source.
			Filter(dagger.DirectoryFilterOpts{Exclude: settings.Train.Ignore}).
			WithoutDirectory(settings.Train.Data), nil
	})
	return code
}

// trainingCode is what this call has picked.
var trainingCode answers.Book[sourcePart, *dagger.Directory]

// arguments turns train.args into the script's flags.
func arguments(args []config.Arg) []string {
	var flags []string
	for _, arg := range args {
		flag := "--" + arg.Name
		if !arg.Flag {
			// One word, so that a value which starts with a dash is still a value.
			flag += "=" + arg.Value
		}
		flags = append(flags, flag)
	}
	return flags
}

// reproducible sets what makes the same inputs give the same bits (train.reproducible).
//
// The number of threads decides how sums are split and so their last bits: it is fixed, whatever the machine's cores. TensorFlow
// takes 0, which is config.AutoThreads, for as many as there are; no training is given that.
func reproducible(settings config.Config) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		for _, variable := range reproducibleVariables(settings) {
			container = container.WithEnvVariable(variable.Name, variable.Value)
		}
		return container
	}
}

func reproducibleVariables(settings config.Config) []jobspec.Variable {
	threads := []jobspec.Variable{
		{Name: intraopThreads, Value: strconv.Itoa(settings.Train.Threads)},
		{Name: "TF_NUM_INTEROP_THREADS", Value: "2"},
	}
	switch settings.Train.Reproducible {
	case config.Off:
		return nil
	case config.Portable:
		threads[0].Value = "1"
		return append([]jobspec.Variable{
			{Name: "TF_ENABLE_ONEDNN_OPTS", Value: "0"},
			{Name: "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL", Value: "0"},
		}, threads...)
	}
	return threads
}
