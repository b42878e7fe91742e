package main

import (
	"fmt"
	"slices"
	"strconv"

	"dagger/tensorflow-ci/internal/dagger"
)

// workerPort is where a worker waits for its chief.
const workerPort = 8470

// withWorkers starts the other workers of a training as services of its chief, and returns the flags that tell the chief of them.
//
// An engine shares services that are equal. The training's own command, which a worker passes over, makes them those of
// this training alone.
func withWorkers(chief *dagger.Container, count int, training []string) (*dagger.Container, []string) {
	waiting := chief.With(scripts("worker.py")).WithExposedPort(workerPort)
	chief = chief.With(scripts("worker.py", "workers.py"))
	port := strconv.Itoa(workerPort)
	var flags []string
	for index := range count - 1 {
		name := fmt.Sprintf("worker-%d", index+1)
		chief = chief.WithServiceBinding(name, waiting.AsService(dagger.ContainerAsServiceOpts{
			Args: slices.Concat([]string{"python3", lineDir + "/worker.py", "--port", port, "--out", outDir, "--", name}, training),
		}))
		flags = append(flags, "--worker", name+":"+port)
	}
	return chief, flags
}
