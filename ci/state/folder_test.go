package state

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dagger/tensorflow-ci/ci/proc"
)

func TestKeys(t *testing.T) {
	folder := At(filepath.Join(t.TempDir(), Name))
	if key := folder.Key("base"); key != "" {
		t.Errorf("a key before there was one: %q", key)
	}
	for _, key := range []string{"one", "two"} {
		if err := folder.SetKey("base", key); err != nil {
			t.Fatal(err)
		}
		if got := folder.Key("base"); got != key {
			t.Errorf("got %q, want %q", got, key)
		}
	}
	for range 2 { // forgetting twice is fine
		if err := folder.SetKey("base", ""); err != nil {
			t.Fatal(err)
		}
	}
	if key := folder.Key("base"); key != "" {
		t.Errorf("a key after it was forgotten: %q", key)
	}
}

func TestProcesses(t *testing.T) {
	folder := At(t.TempDir())
	if folder.Process("dockerd").Alive() {
		t.Error("nothing was recorded, and it is alive")
	}
	recorded := proc.Process{PID: 7, Start: 9, Boot: "b"}
	if err := folder.SetProcess("dockerd", recorded); err != nil {
		t.Fatal(err)
	}
	if got := folder.Process("dockerd"); got != recorded {
		t.Errorf("got %+v", got)
	}
	if err := os.WriteFile(folder.Path("processes", "dockerd.json"), []byte(`{"pid":`), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := folder.Process("dockerd"); got != (proc.Process{}) {
		t.Errorf("from a broken record: %+v", got)
	}
	if err := folder.ForgetProcess("dockerd"); err != nil {
		t.Fatal(err)
	}
	if err := folder.ForgetProcess("dockerd"); err != nil {
		t.Errorf("forgetting what is forgotten: %v", err)
	}
}

func TestImages(t *testing.T) {
	folder := At(t.TempDir())
	for _, id := range []string{"sha256:b", "sha256:a", "sha256:b"} {
		if err := folder.AddImage(id); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := folder.Images(), []string{"sha256:b", "sha256:a"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLocateFollowsTheCacheDirectory(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/somewhere")
	folder, err := Locate()
	if err != nil || folder.Path("lock") != "/somewhere/"+Name+"/lock" {
		t.Errorf("got %q, %v", folder.Path("lock"), err)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if _, err := Locate(); err == nil {
		t.Error("without HOME and XDG_CACHE_HOME there is no place, and no error")
	}
}
