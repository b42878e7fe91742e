package host

import (
	"os"
	"path/filepath"
	"testing"
)

// fakeCLI writes a program that answers as a Dagger CLI of a version does.
func fakeCLI(t *testing.T, folder, version string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho dagger " + version + " linux/amd64\n"
	if err := os.WriteFile(filepath.Join(folder, "dagger"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestLookCLI(t *testing.T) {
	built := t.TempDir()
	for _, version := range Tested {
		fakeCLI(t, filepath.Join(built, version), version)
	}
	for name, test := range map[string]struct {
		onPath, wanted string
		version        string
		ours           bool // the one that `up` built
		none           bool
	}{
		"none on the path":                     {version: Current, ours: true},
		"none on the path, the older is asked": {wanted: "v0.20.8", version: "v0.20.8", ours: true},
		"the current one":                      {onPath: Current, version: Current},
		"a newer one":                          {onPath: "v0.22.1", version: "v0.22.1"},
		"a newer one, the current is asked":    {onPath: "v0.22.1", wanted: Current, version: Current, ours: true},
		"the wanted one":                       {onPath: "v0.20.8", wanted: "v0.20.8", version: "v0.20.8"},
		"a wanted one that nobody has":         {onPath: Current, wanted: "v0.19.0", version: Current, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if test.onPath != "" {
				fakeCLI(t, folder, test.onPath)
			}
			t.Setenv("PATH", folder)
			got := lookCLI(t.Context(), built, test.wanted)
			ours := filepath.Dir(filepath.Dir(got.Path)) == built
			if got.Version != test.version || ours != test.ours || (got.Path == "") != test.none {
				t.Errorf("got %+v", got)
			}
		})
	}
}
