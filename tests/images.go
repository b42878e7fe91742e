package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// images: every image is known by its digest, and nothing is published that the gate did not let pass.
func (t *Tests) images() []check {
	checks := []check{
		{"images/a lock file holds every role by tag and digest, and the line runs from it", func(ctx context.Context) error {
			lock := line(tiny()).Images().Lock()
			locked, err := readLock(ctx, lock)
			if err != nil {
				return err
			}
			for role, want := range map[string]string{"tensorflow": "tensorflow/tensorflow:2.16.2@sha256:", "trivy": "aquasec/trivy:0.74.0@sha256:"} {
				if !strings.HasPrefix(locked[role], want) {
					return fmt.Errorf("%s is locked as %q, want %s…", role, locked[role], want)
				}
			}
			_, err = from(lock).Environment().Sync(ctx)
			return err
		}},
		{"images/a tag that moved since it was locked", func(ctx context.Context) error {
			locked, err := readLock(ctx, line(tiny()).Images().Lock())
			if err != nil {
				return err
			}
			name, now, _ := strings.Cut(locked["tensorflow"], "@")
			before := "sha256:" + strings.Repeat("0", 64)
			lock := dag.Directory().WithNewFile("images.json", fmt.Sprintf(`{"tensorflow": "%s@%s"}`, name, before)).File("images.json")
			_, err = from(lock).Environment().Sync(ctx)
			return refused(err, "the tag tensorflow/tensorflow:2.16.2 has moved", before, now)
		}},
		{"images/the lock file that the project names is the one that is read", func(ctx context.Context) error {
			project := tiny().
				WithNewFile("ci/images.json", `{"tensorflow": "tensorflow/tensorflow:2.16.2"}`).
				WithNewFile("tensorflow-ci.yaml", settingsTiny+"image-lock: ci/images.json\n")
			if _, err := line(project).Environment().Sync(ctx); refused(err, "tensorflow/tensorflow:2.16.2 has no digest") != nil {
				return fmt.Errorf("the project's own lock file was not read: %v", err)
			}
			_, err := line(project, "image-lock=none").Environment().Sync(ctx)
			return err
		}},
		{"images/a registry that is not allowed", func(ctx context.Context) error {
			strict := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"scan: {registries: [registry.example.com]}\n")
			_, err := line(strict).Environment().Sync(ctx)
			return refused(err, "image for tensorflow", "its registry is not allowed here", "registry.example.com")
		}},
		{"images/a tag that does not exist stops the pipeline before anything is built", func(ctx context.Context) error {
			_, err := line(tiny(), "images.tensorflow=tensorflow/tensorflow:2.16.0").Pipeline().Sync(ctx)
			return refused(err, "image for tensorflow", "tensorflow/tensorflow:2.16.0", "this tag does not exist")
		}},
		{"images/two installs give one digest", func(ctx context.Context) error {
			digest := func(cache string) (string, error) {
				return dag.TensorflowCi(dagger.TensorflowCiOpts{
					Source: tiny().WithNewFile("requirements.txt", "pandas==2.2.3\n"), Set: always, Cache: dag.CacheVolume(cache),
				}).ImageDigest(ctx)
			}
			first, err := digest("tests-one")
			if err != nil {
				return err
			}
			second, err := digest("tests-two")
			if err == nil && first != second {
				return fmt.Errorf("equal inputs gave %s, then %s", first, second)
			}
			return err
		}},
	}
	if t.Database == "" {
		return checks
	}
	return append(checks,
		check{"images/publish gives the digest, and attaches the bill of materials", func(ctx context.Context) error {
			address := t.registry() + "/tests/tiny:1"
			published, err := line(tiny()).Publish(ctx, address)
			if err != nil {
				return err
			}
			digest, err := line(tiny()).ImageDigest(ctx)
			if err != nil {
				return err
			}
			if published != address+"@"+digest {
				return fmt.Errorf("published %s, want %s@%s", published, address, digest)
			}
			said, err := dag.Container().From(published).WithExec([]string{"python3", "-c", "import os; print(os.listdir())"}).Stdout(ctx)
			if err != nil || !strings.Contains(said, "train.py") || strings.Contains(said, "data") {
				return fmt.Errorf("the published image holds %q (%v), want train.py and no data", said, err)
			}
			// Debian's registry keeps no list of what refers to an image: the bill is under a tag made of its digest.
			return attached(ctx, t.registry(), "tests/tiny", digest)
		}},
		check{"images/a secret in the source is not published", func(ctx context.Context) error {
			planted := line(tiny().WithNewFile("settings.py", "TOKEN = \""+plantedToken+"\"\n"))
			_, err := planted.Publish(ctx, t.registry()+"/tests/planted:1")
			return refused(err, "nothing was published", "github-pat CRITICAL in settings.py:1")
		}},
		check{"images/nothing vulnerable is published", func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("requirements.txt", "urllib3==1.26.4\n")).Publish(ctx, t.registry()+"/tests/vulnerable:1")
			return refused(err, "nothing was published", "urllib3 1.26.4: CVE-2021-33503")
		}},
		check{"images/a password without a user", func(ctx context.Context) error {
			_, err := line(tiny()).Publish(ctx, t.registry()+"/tests/tiny:1", dagger.TensorflowCiPublishOpts{Password: dag.SetSecret("password", "x")})
			return refused(err, "--username and --password go together")
		}},
	)
}

func from(lock *dagger.File) *dagger.TensorflowCi {
	return dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny(), Images: lock, Set: always})
}

func readLock(ctx context.Context, lock *dagger.File) (map[string]string, error) {
	text, err := lock.Contents(ctx)
	if err != nil {
		return nil, err
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, err
	}
	delete(entries, "platforms")
	locked := map[string]string{}
	for role, entry := range entries {
		var reference string
		if err := json.Unmarshal(entry, &reference); err != nil {
			return nil, fmt.Errorf("%s: %w", role, err)
		}
		locked[role] = reference
	}
	return locked, nil
}
