package bench

import (
	"context"
	"slices"
)

// How uv puts what it has unpacked into its place: without a cache that outlives the install it need not write it twice.
const (
	uvLinks  = "hardlink"
	uvCopies = "copy" // as the line does, whose cache is a volume and so another file system
)

// testTools are what the sample project's tests need beside its requirements, in the versions of the line.
var testTools = []string{"pytest==9.2.0", "pytest-cov==7.1.0"}

// pipInstall installs the project's requirements; nothing is kept for a second time.
func pipInstall() []string {
	return []string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--break-system-packages", "--requirement", "requirements.txt"}
}

// install sets uv, with which the line installs, against pip: the same packages, each downloaded anew.
func (d *docker) install() Group {
	const pip, uv, copies = "pip install", "uv install", "uv install, into the line's cache too"
	by := func(links string) func(context.Context) error {
		return func(ctx context.Context) error { return d.uvInstall(ctx, links) }
	}
	return Group{
		Name:    "install",
		Prepare: d.uv,
		Measurements: []Measurement{
			{Name: pip, Timed: func(ctx context.Context) error { return d.run(ctx, d.project.folder, baseImage, nil, pipInstall()...) }},
			{Name: uv, Timed: by(uvLinks)},
			{Name: copies, Timed: by(uvCopies)},
		},
		Claims: []Claim{ratio(atMost(0.5), uv, pip), ratio(atMost(0.5), copies, pip)},
	}
}

// uvInstall installs the same set, bytecode included as pip does; uv itself is there before the clock starts.
func (d *docker) uvInstall(ctx context.Context, links string) error {
	variables := []string{"--env", "UV_COMPILE_BYTECODE=1", "--env", "PYC_INVALIDATION_MODE=UNCHECKED_HASH", "--env", "UV_LINK_MODE=" + links}
	return d.run(ctx, d.project.folder, baseImage, variables,
		"/out/uv/bin/uv", "pip", "install", "--quiet", "--no-cache", "--system", "--break-system-packages", "--requirements", "requirements.txt")
}

func (d *docker) fetchUv(ctx context.Context) error {
	if err := d.prepare(); err != nil {
		return err
	}
	install := pipInstall()
	list := slices.Index(install, "requirements.txt")
	install[list] = "/line/requirements/uv.txt"
	return d.run(ctx, d.project.folder, baseImage, nil, append(install, "--target", "/out/uv", "--require-hashes")...)
}
