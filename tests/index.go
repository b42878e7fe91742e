package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// index: packages come from a private index, whose password stays out of layers, variables and messages.
func (t *Tests) index() []check {
	const user, password = "builder", "hunter2-planted-secret"
	project := tiny().WithNewFile("requirements.txt", "inhouse==1.0\n")

	// The service ends with the session: both tests use the same one.
	from := func(ctx context.Context, password string) (*dagger.TensorflowCi, error) {
		service, err := dag.Container().From("tensorflow/tensorflow:2.16.2").
			WithFile("/index.py", dag.CurrentModule().Source().File("testdata/index.py")).
			WithExposedPort(8080).
			AsService(dagger.ContainerAsServiceOpts{Args: []string{"python3", "/index.py", user, "hunter2-planted-secret", "8080"}}).
			Start(ctx)
		if err != nil {
			return nil, err
		}
		endpoint, err := service.Endpoint(ctx)
		if err != nil {
			return nil, err
		}
		address := dag.SetSecret("package-index-"+password, "http://"+user+":"+password+"@"+endpoint+"/simple/")
		return dag.TensorflowCi(dagger.TensorflowCiOpts{Source: project, PackageIndex: address}), nil
	}

	return []check{
		{"index/a private package is installed and the password stays nowhere", func(ctx context.Context) error {
			line, err := from(ctx, password)
			if err != nil {
				return err
			}
			environment := line.Environment()
			said, err := environment.WithExec([]string{"python3", "-c", "import inhouse; print(inhouse.ANSWER)"}).Stdout(ctx)
			if err != nil {
				return err
			}
			found, err := environment.WithExec([]string{
				"sh", "-c", "env | grep -c hunter2; grep -rl hunter2 /line /etc /root /tmp /usr/local 2>/dev/null || true",
			}).Stdout(ctx)
			if err == nil && (strings.TrimSpace(said) != "42" || strings.TrimSpace(found) != "0") {
				return fmt.Errorf("the private package says %q (want 42); places with the password (want 0): %q", said, found)
			}
			return err
		}},
		{"index/a wrong password is refused and not shown", func(ctx context.Context) error {
			line, err := from(ctx, "wrong-planted-secret")
			if err != nil {
				return err
			}
			_, err = line.Environment().Sync(ctx)
			if err := refused(err, "uv cannot be had from the package index", "password"); err != nil {
				return err
			}
			if strings.Contains(err.Error(), "planted-secret") {
				return fmt.Errorf("the message shows the password: %w", err)
			}
			return nil
		}},
	}
}
