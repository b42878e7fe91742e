package main

import (
	"context"
	"fmt"
	"path"
	"strconv"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/servingconfig"
)

const (
	grpcPort    = 8500
	restPort    = 8501
	servingRole = "serving"
	modelsDir   = "/models" // below it NAME/VERSION, as the server wants it, and its config
	// servingUser owns the models and runs the server: a user of no name, in no image.
	servingUser = "65532:65532"
	// maxVersion is what Dagger's clients can pass as a whole number; the server takes more.
	maxVersion = 1<<31 - 1
)

// Serve the model with TensorFlow Serving: REST on port 8501, gRPC on port 8500.
//
// It is served under the name in model: of tensorflow-ci.yaml, as /v1/models/NAME, /v1/models/NAME/versions/VERSION and
// /v1/models/NAME/labels/stable. Warm-up requests that lie in the model are replayed before the ports open: warmup serve.
// The server runs as a user without rights, and ends at once where it cannot load the model. Example: serve up
func (m *Model) Serve(
	ctx context.Context,
	// Number of the version to serve it as, 1 or more.
	// +default=1
	version int,
) (*dagger.Service, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.Line.runs(ctx, settings, servingRole); err != nil {
		return nil, err
	}
	server, err := m.server(ctx, settings, version)
	if err != nil {
		return nil, err
	}
	return served(server), nil
}

// server is TensorFlow Serving with the model in it, as a version of its name and under the label stable.
func (m *Model) server(ctx context.Context, settings config.Config, version int) (*dagger.Container, error) {
	if version < 1 || version > maxVersion {
		return nil, fmt.Errorf("--version is %d: want 1 to %d, the name of the model's folder", version, maxVersion)
	}
	image, err := m.Line.resolved(ctx, settings, servingRole)
	if err != nil {
		return nil, err
	}
	if err := m.sound(ctx); err != nil {
		return nil, err
	}
	serves := servesStable(settings, version, version)
	if err := serves.Validate(); err != nil {
		return nil, err
	}
	models := dag.Directory().
		WithDirectory(versionDir(settings, version), m.SavedModel).
		WithNewFile(servingconfig.FileName, serves.Render()).
		Chown("/", servingUser)
	return image.bottom().
		WithDirectory("/", placed(modelsDir, models)).
		WithUser(servingUser).
		WithWorkdir("/").
		WithExposedPort(grpcPort).
		WithExposedPort(restPort), nil
}

// servesStable is the config that loads the versions of the model, with the label stable at one of them.
func servesStable(settings config.Config, stable int, versions ...int) servingconfig.Config {
	model := servingconfig.Model{
		Name: settings.Model, BasePath: path.Join(modelsDir, settings.Model), Labels: map[string]int64{servingconfig.Stable: int64(stable)},
	}
	for _, version := range versions {
		model.Versions = append(model.Versions, int64(version))
	}
	return servingconfig.Config{Models: []servingconfig.Model{model}}
}

// versionDir is the folder of a version, below modelsDir.
func versionDir(settings config.Config, version int) string {
	return path.Join(settings.Model, strconv.Itoa(version))
}

// serverCommand starts the server; more flags may follow.
func serverCommand() []string {
	return []string{
		"tensorflow_model_server", fmt.Sprintf("--port=%d", grpcPort), fmt.Sprintf("--rest_api_port=%d", restPort),
		"--model_config_file=" + path.Join(modelsDir, servingconfig.FileName),
		// Without it the server refuses every label of its first config: nothing is loaded yet when it looks.
		"--allow_version_labels_for_unavailable_models=true",
	}
}

// served starts the server that a container holds.
func served(server *dagger.Container) *dagger.Service {
	// What cannot be loaded now cannot be loaded in five minutes either, which is how long the server tries by itself.
	return server.AsService(dagger.ContainerAsServiceOpts{Args: append(serverCommand(), "--max_num_load_retries=0")})
}

// sound refuses a model that is damaged, unsafe, or has nothing to call, before anything serves it.
func (m *Model) sound(ctx context.Context) error {
	python, err := m.Line.python(ctx)
	if err != nil {
		return err
	}
	_, err = python.
		With(scripts("savedmodel.py")).
		WithMountedDirectory(modelDir, m.SavedModel).
		WithExec([]string{"python3", lineDir + "/savedmodel.py", modelDir}).
		Sync(ctx)
	if err != nil {
		return failure("the model cannot be served", err)
	}
	return nil
}
