package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/host"
)

// secondEngine starts an engine that is made as the machine's own is, but keeps its state in a folder.
func secondEngine(ctx context.Context, name, folder string) (remove func(context.Context) error, err error) {
	text, err := docker("container", "inspect", host.EngineContainer).Output(ctx)
	if err != nil {
		return nil, err
	}
	var like []struct {
		Image      string
		Config     struct{ Cmd, Env []string }
		HostConfig struct {
			Binds, CapAdd, SecurityOpt, DeviceCgroupRules, MaskedPaths []string
			Privileged                                                 bool
		}
	}
	if err := json.Unmarshal([]byte(text), &like); err != nil {
		return nil, fmt.Errorf("the machine's own engine: %w", err)
	}
	if len(like) != 1 {
		return nil, fmt.Errorf("the machine's own engine: Docker names %d", len(like))
	}
	own := like[0]
	args := []string{"run", "--detach", "--name", name, "--volume", folder + ":/var/lib/dagger"}
	for _, bind := range own.HostConfig.Binds {
		if !strings.Contains(bind, ":/var/lib/dagger") {
			args = append(args, "--volume", bind)
		}
	}
	for flag, values := range map[string][]string{
		"--cap-add": own.HostConfig.CapAdd, "--security-opt": own.HostConfig.SecurityOpt,
		"--device-cgroup-rule": own.HostConfig.DeviceCgroupRules, "--env": own.Config.Env,
	} {
		for _, value := range values {
			args = append(args, flag, value)
		}
	}
	if own.HostConfig.Privileged {
		args = append(args, "--privileged")
	} else if own.HostConfig.MaskedPaths != nil && len(own.HostConfig.MaskedPaths) == 0 {
		args = append(args, "--security-opt", "systempaths=unconfined")
	}
	remove = func(ctx context.Context) error { return docker("rm", "--force", name).Run(ctx, io.Discard) }
	if err := docker(append(append(args, own.Image), own.Config.Cmd...)...).Run(ctx, io.Discard); err != nil {
		return nil, errors.Join(err, remove(context.WithoutCancel(ctx)))
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if _, err := docker("exec", name, "test", "-S", "/run/dagger/engine.sock").Output(ctx); err == nil {
			return remove, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(fmt.Errorf("a second engine does not listen"), remove(context.WithoutCancel(ctx)))
}

// timed is how long a call takes.
func timed(call func() error) (time.Duration, error) {
	began := time.Now()
	err := call()
	return time.Since(began), err
}
