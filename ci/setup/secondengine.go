package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// SecondEngine starts an engine that is made as the one in the container like is, but keeps its state elsewhere: in a folder, or in a
// volume of that name. More are flags of `docker run`; remove takes its container away, not its state.
func SecondEngine(ctx context.Context, like, name, state string, more ...string) (remove func(context.Context) error, err error) {
	text, err := docker("container", "inspect", like).Output(ctx)
	if err != nil {
		return nil, err
	}
	var engines []struct {
		Image      string
		Config     struct{ Cmd, Env []string }
		HostConfig struct {
			Binds, CapAdd, SecurityOpt, DeviceCgroupRules, MaskedPaths []string
			Privileged                                                 bool
		}
	}
	if err := json.Unmarshal([]byte(text), &engines); err != nil {
		return nil, fmt.Errorf("engine %s: %w", like, err)
	}
	if len(engines) != 1 {
		return nil, fmt.Errorf("engine %s: Docker names %d", like, len(engines))
	}
	own := engines[0]
	args := append([]string{"run", "--detach", "--name", name, "--volume", state + ":/var/lib/dagger"}, more...)
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
	err = docker(append(append(args, own.Image), own.Config.Cmd...)...).Run(ctx, io.Discard)
	if err == nil {
		err = engineAnswers(ctx, os.Stderr, name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a second engine: %w", err), remove(context.WithoutCancel(ctx)))
	}
	return remove, nil
}
