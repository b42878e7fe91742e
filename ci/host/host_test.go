package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCapabilities(t *testing.T) {
	for name, test := range map[string]struct {
		bits    string
		all     bool
		missing []string
		granted int
	}{
		"everything":              {"000001ffffffffff", true, nil, 38},
		"without SYS_RESOURCE":    {"000001fffeffffff", false, []string{"SYS_RESOURCE"}, 37},
		"Docker's default":        {"00000000a80425fb", false, nil, 14},
		"nothing":                 {"0000000000000000", false, nil, 0},
		"unreadable is no hurdle": {"what?", true, nil, 38},
	} {
		got := parseCapabilities(test.bits)
		if got.All() != test.all || len(got.Grantable()) != test.granted {
			t.Errorf("%s: all %t, %d to grant", name, got.All(), len(got.Grantable()))
		}
		if test.missing != nil && !slices.Equal(got.Missing(), test.missing) {
			t.Errorf("%s: missing %q", name, got.Missing())
		}
	}
	if granted := parseCapabilities("1ffffffffff").Grantable(); slices.Contains(granted, "BPF") || granted[0] != "CHOWN" || granted[37] != "AUDIT_READ" {
		t.Errorf("granted %q", granted)
	}
}

func TestCLIVersion(t *testing.T) {
	for answer, want := range map[string]string{
		"dagger v0.21.8 (registry.dagger.io/engine:v0.21.8) linux/amd64": "v0.21.8",
		"dagger v0.19.0": "v0.19.0",
		"something else": "",
		"":               "",
	} {
		if got := cliVersion(answer); got != want {
			t.Errorf("%q: got %q, want %q", answer, got, want)
		}
	}
}

func TestIsDebian(t *testing.T) {
	for text, want := range map[string]bool{
		"PRETTY_NAME=\"Debian\"\nID=debian\n": true,
		"ID=\"debian\"\n":                     true,
		"ID=ubuntu\nID_LIKE=debian\n":         false,
		"":                                    false,
	} {
		path := filepath.Join(t.TempDir(), "os-release")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := isDebian(path); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
	if isDebian("/no/such/file") {
		t.Error("a system without os-release is Debian")
	}
}

func TestRemote(t *testing.T) {
	for address, want := range map[string]bool{"": false, "unix:///var/run/docker.sock": false, "tcp://builder:2376": true, "ssh://builder": true} {
		if got := remote(address); got != want {
			t.Errorf("%q: got %t", address, got)
		}
	}
}

func TestFree(t *testing.T) {
	folder := t.TempDir()
	if got, want := Free(filepath.Join(folder, "not", "yet")), Free(folder); got == 0 || want == 0 {
		t.Errorf("below a folder that exists: %d, of the folder %d", got, want)
	}
}

func TestGigabytes(t *testing.T) {
	if got := Gigabytes(4_949_000_000); got != "4.9 GB" {
		t.Error(got)
	}
}
