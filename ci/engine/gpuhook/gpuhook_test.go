package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDevices(t *testing.T) {
	first, second := "GPU-00000000-0000-4000-8000-000000000000", "GPU-00000000-0000-4000-8000-000000000001"
	for visible, want := range map[string][]string{
		"":          nil,
		"none":      nil,
		"void":      nil,
		"all":       {first, second},
		"1":         {second},
		"0, 1,":     {first, second},
		"GPU-abc,0": {"GPU-abc", first},
	} {
		if got := devices(visible); !slices.Equal(got, want) {
			t.Errorf("devices(%q) = %q, want %q", visible, got, want)
		}
	}
}

func TestList(t *testing.T) {
	var out strings.Builder
	if err := list([]string{"-L"}, "GPU-abc", &out); err != nil || out.String() != "GPU 0: Stand-in GPU (UUID: GPU-abc)\n" {
		t.Errorf("list = %q, %v", out.String(), err)
	}
	if err := list([]string{"-L"}, "none", &out); err == nil || err.Error() != "No devices were found" {
		t.Errorf("list of no device: error %v", err)
	}
	if err := list([]string{"-q"}, "all", &out); err == nil || !strings.Contains(err.Error(), `"-q"`) {
		t.Errorf("list with -q: error %v", err)
	}
}

func TestPrestart(t *testing.T) {
	self := write(t, t.TempDir(), "hook", "program")
	for name, absolute := range map[string]bool{"absolute root": true, "relative root": false} {
		t.Run(name, func(t *testing.T) {
			bundle := t.TempDir()
			root := filepath.Join(bundle, "rootfs")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			path := "rootfs"
			if absolute {
				path = root
			}
			write(t, bundle, "config.json", fmt.Sprintf(`{"root": {"path": %q}}`, path))
			for range 2 { // an image may have the file already
				if err := prestart(strings.NewReader(fmt.Sprintf(`{"bundle": %q}`, bundle)), self); err != nil {
					t.Fatal(err)
				}
			}
			info, err := os.Stat(filepath.Join(root, smiPath))
			if err != nil || info.Mode().Perm() != 0o755 || info.Size() != int64(len("program")) {
				t.Errorf("nvidia-smi in the container: %v, %v", info, err)
			}
		})
	}
}

func TestPrestartRefuses(t *testing.T) {
	noRoot, escape := t.TempDir(), t.TempDir()
	write(t, noRoot, "config.json", `{}`)
	write(t, escape, "config.json", `{"root": {"path": "rootfs"}}`)
	if err := os.Mkdir(filepath.Join(escape, "rootfs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(escape, "rootfs", "usr")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ state, want string }{
		"no state":       {"", "standard input"},
		"no bundle":      {"{}", "names no bundle"},
		"lost bundle":    {`{"bundle": "/nowhere"}`, "/nowhere/config.json"},
		"no root":        {fmt.Sprintf(`{"bundle": %q}`, noRoot), "names no root.path"},
		"link out of it": {fmt.Sprintf(`{"bundle": %q}`, escape), "escapes"},
	} {
		t.Run(name, func(t *testing.T) {
			err := prestart(strings.NewReader(test.state), os.Args[0])
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestRunRefusesOtherStages(t *testing.T) {
	if err := run([]string{"nvidia-container-runtime-hook", "poststop"}, strings.NewReader("{}"), nil); err == nil {
		t.Error("poststop: no error")
	}
}

// write makes a file and returns its path.
func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
