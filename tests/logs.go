package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// logs: TensorBoard's event files reach the store once, and can be looked at from there.
func (t *Tests) logs() []check {
	return []check{
		{"logs/are uploaded once, by the name of their run, and shown by TensorBoard", func(ctx context.Context) error {
			server, err := startS3(ctx, "logs", 0)
			if err != nil {
				return err
			}
			defer server.stop(ctx)
			release := server.store("team")
			open := func() *dagger.TensorflowCiLogs {
				return line(t.Phishing).Logs(dagger.TensorflowCiLogsOpts{
					Store: release.Store, Endpoint: release.Endpoint, AccessKey: release.AccessKey, SecretKey: release.SecretKey,
				})
			}
			events := line(t.Phishing, "train.args.epochs=2").Train().Logs()
			for _, want := range []string{"2 event files, 2 of them uploaded now", "2 event files, 0 of them uploaded now"} {
				text, err := open().Sync(ctx, events, "run-1")
				if err := said(text, err, "s3://models/team/_logs/phishing/run-1: ", want); err != nil {
					return err
				}
			}
			text, err := open().Sync(ctx, events.WithNewFile("train/events.out.tfevents.9", "x"), "run-1")
			if err := said(text, err, "3 event files, 1 of them uploaded now"); err != nil {
				return err
			}
			service, err := open().Tensorboard().Start(ctx)
			if err != nil {
				return err
			}
			defer service.Stop(ctx, dagger.ServiceStopOpts{Kill: true})
			endpoint, err := service.Endpoint(ctx)
			if err != nil {
				return err
			}
			const ask = "import sys, time, urllib.request\nfor _ in range(60):\n    text = urllib.request.urlopen(sys.argv[1]).read().decode()\n    if 'run-1' in text: break\n    time.sleep(1)\nprint(text)\n"
			text, err = dag.Container().From("tensorflow/tensorflow:2.16.2").
				WithEnvVariable("TESTS", time.Now().String()).
				WithExec([]string{"python3", "-c", ask, "http://" + endpoint + "/data/runs"}).Stdout(ctx)
			return said(text, err, "run-1/train")
		}},
		{"logs/a run without event files, and a name that is none", func(ctx context.Context) error {
			open := line(tiny()).Logs(dagger.TensorflowCiLogsOpts{Store: "file:///tests-logs"})
			_, err := open.Sync(ctx, tiny(), "run-1")
			if err := refused(err, "holds no event files", "--log-dir"); err != nil {
				return err
			}
			for _, name := range []string{"", "../x", "-x", "a/b", strings.Repeat("x", 101)} {
				_, err := open.Sync(ctx, tiny(), name)
				if err := refused(err, "--run-id is"); err != nil {
					return fmt.Errorf("%q: %w", name, err)
				}
			}
			return nil
		}},
	}
}
