package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// scanSystems: what a database does not know is no clean image, and what cannot be read is no image.
func (t *Tests) scanSystems() []check {
	if t.Database == "" {
		return nil
	}
	withoutUbuntu := strings.TrimSuffix(t.Database, ":2") + ":no-ubuntu"
	const mended, vulnerable = "2.35-0ubuntu3.8", "2.35-0ubuntu3.6"
	scanned := func(ctx context.Context, release, library, set string) error {
		address, err := t.ubuntu(ctx, release, library)
		if err != nil {
			return err
		}
		all := []string{"images.serving=" + address}
		if set != "" {
			all = append(all, set)
		}
		return line(tiny(), all...).Scan(dagger.TensorflowCiScanOpts{Target: "serving"}).Check(ctx)
	}
	return []check{
		{"scan/an image on Ubuntu passes where the database knows Ubuntu", func(ctx context.Context) error {
			return scanned(ctx, "22.04", mended, "")
		}},
		{"scan/an image on Ubuntu is stopped by what its packages have, of whatever severity nobody knows", func(ctx context.Context) error {
			return refused(scanned(ctx, "22.04", vulnerable, ""), "scan of serving", "libc6 2.35-0ubuntu3.6: CVE-2024-2961 UNKNOWN, fixed in 2.35-0ubuntu3.7")
		}},
		{"scan/refuses an image on Ubuntu where the database knows nothing of Ubuntu", func(ctx context.Context) error {
			return refused(scanned(ctx, "22.04", mended, "scan.database="+withoutUbuntu),
				"scan of serving", "knows nothing of ubuntu 22.04", "scan.unproven: [ubuntu]")
		}},
		{"scan/refuses an image on a release that the database does not know", func(ctx context.Context) error {
			return refused(scanned(ctx, "24.04", mended, ""), "scan of serving", "knows nothing of ubuntu 24.04")
		}},
		{"scan/a system that nothing proves can be accepted by name", func(ctx context.Context) error {
			address, err := t.ubuntu(ctx, "24.04", mended)
			if err != nil {
				return err
			}
			accepting := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"scan: {unproven: [ubuntu 24.04]}\n")
			return line(accepting, "images.serving="+address).Scan(dagger.TensorflowCiScanOpts{Target: "serving"}).Check(ctx)
		}},
		{"scan/refuses an image that cannot be read", func(ctx context.Context) error {
			broken, err := pushBroken(ctx, t.registry(), "tests/broken", "1")
			if err != nil {
				return err
			}
			_, err = line(tiny(), "images.serving="+broken).Scan(dagger.TensorflowCiScanOpts{Target: "serving"}).Passed(ctx)
			return refused(err, "serving", "the image cannot be read") // by the engine itself from v0.21 on
		}},
		{"scan/refuses an image for other processors", func(ctx context.Context) error {
			foreign := func(platform dagger.Platform) *dagger.Container {
				return dag.Container(dagger.ContainerOpts{Platform: platform}).WithRootfs(dag.Directory().WithNewFile("etc/os-release", "ID=debian\n"))
			}
			address := t.registry() + "/tests/foreign:1"
			variants := []*dagger.Container{foreign("linux/s390x"), foreign("linux/riscv64")}
			if _, err := dag.Container().Publish(ctx, address, dagger.ContainerPublishOpts{PlatformVariants: variants}); err != nil {
				return err
			}
			_, err := line(tiny(), "images.serving="+address).Scan(dagger.TensorflowCiScanOpts{Target: "serving"}).Passed(ctx)
			return refused(err, "image for serving", "has no image for linux/amd64: it has linux/riscv64, linux/s390x")
		}},
		{"scan/rules of one target win over those of all", func(ctx context.Context) error {
			strict := tiny().
				WithNewFile("requirements.txt", "urllib3==1.26.15\n"). // has a finding of MEDIUM
				WithNewFile("tensorflow-ci.yaml", settingsTiny+"scan: {targets: {environment: {severity: [MEDIUM]}}}\n")
			report := line(strict).Scan()
			if err := refused(report.Check(ctx), "urllib3 1.26.15: CVE-2023-43804 MEDIUM, fixed in 2.0.6, 1.26.17"); err != nil {
				return err
			}
			return line(strict).Scan(dagger.TensorflowCiScanOpts{Target: "source"}).Check(ctx)
		}},
	}
}

// ubuntu publishes the least that is an image on Ubuntu: the system's name, and a package database with its C library.
func (t *Tests) ubuntu(ctx context.Context, release, library string) (string, error) {
	root := dag.Directory().
		WithNewFile("etc/lsb-release", fmt.Sprintf("DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=%s\n", release)).
		WithNewFile("var/lib/dpkg/status", fmt.Sprintf(
			"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: %s\nDescription: C library\n\n", library))
	address := t.registry() + "/tests/ubuntu-" + release + ":" + library
	_, err := dag.Container().WithRootfs(root).Publish(ctx, address)
	return address, err
}
