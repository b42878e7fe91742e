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

// thenCompiled runs an installer and compiles what it brought, as the line does.
const thenCompiled = `
import subprocess, sys
import bytecode, intact
image = set(intact.distributions())
subprocess.run(sys.argv[1:], check=True)
bytecode.write(intact.arrived(image))
`

// uvInstall installs the same set, bytecode included; uv itself is there before the clock starts.
func (d *docker) uvInstall(ctx context.Context, links string) error {
	return d.run(ctx, d.project.folder, baseImage, []string{"--env", "PYTHONPATH=/line", "--env", "UV_LINK_MODE=" + links},
		"python3", "-c", thenCompiled,
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
