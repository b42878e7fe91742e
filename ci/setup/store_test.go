package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStoreProgramsArePinned(t *testing.T) {
	images, err := os.ReadFile(filepath.Join("..", "..", "images.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(images), `"rclone/rclone:`+rcloneVersion+`"`) {
		t.Errorf("images.go names another rclone than %s", rcloneVersion)
	}
	if !strings.Contains(string(images), `"busybox:`+busyboxVersion+`"`) {
		t.Errorf("images.go names another BusyBox than %s", busyboxVersion)
	}
	for folder, want := range map[string]string{
		"rclone":    "github.com/rclone/rclone v" + rcloneVersion,
		"versitygw": "github.com/versity/versitygw v" + versitygwVersion,
	} {
		text, err := os.ReadFile(filepath.Join("..", "images", folder, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("go.mod of %s lacks %q", folder, want)
		}
		if strings.Contains(string(text), "\nreplace ") {
			t.Errorf("%s is built from upstream's modules, none replaced", folder)
		}
	}
}
