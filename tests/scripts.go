package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// certificates is the bundle into which the engine writes a company's authorities; older pips have one of their own.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// scripts: the programs that run inside the containers pass their own tests there, on both versions of TensorFlow.
func (t *Tests) scripts() []check {
	var checks []check
	for _, version := range []string{"2.16.2", "2.21.0"} {
		checks = append(checks, check{"scripts/their own tests on TensorFlow " + version, func(ctx context.Context) error {
			ran := dag.Container().From("tensorflow/tensorflow:"+version).
				WithEnvVariable("PIP_CERT", certificates).
				WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
				WithEnvVariable("TF_CPP_MIN_LOG_LEVEL", "3").
				WithFile("/pytest.txt", t.Scripts.File("requirements/pytest.txt")).
				WithFile("/matplotlib.txt", t.Scripts.File("requirements/matplotlib.txt")).
				WithExec([]string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--target", "/pytest", "--require-hashes", "-r", "/pytest.txt"}).
				WithExec([]string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--target", "/matplotlib", "--no-deps", "--require-hashes", "-r", "/matplotlib.txt"}).
				WithFile("/serving.txt", t.Scripts.File("requirements/serving.txt")).
				WithExec([]string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--target", "/serving", "--no-deps", "--require-hashes", "-r", "/serving.txt"}).
				WithEnvVariable("PYTHONPATH", "/pytest:/matplotlib:/serving").
				WithMountedDirectory("/scripts", t.Scripts).
				WithWorkdir("/scripts").
				WithExec([]string{"python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=short"},
					dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
			if err := endedWell(ctx, ran); err != nil {
				return err
			}
			said, err := ran.Stdout(ctx)
			if err != nil {
				return err
			}
			if !strings.Contains(said, " passed") {
				return fmt.Errorf("no test ran: %s", said)
			}
			return nil
		}})
	}
	return checks
}
