//go:build gitlab

package proof

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/lineage"
)

// shell is a person at a plain shell: another folder, another home and, where this test may change that, another user.
type shell struct {
	folder string
	cli    string
	module string
	env    []string
	as     *syscall.Credential
}

// stranger is a shell with a copy of the project. Only root can be somebody else.
func stranger(t *testing.T, project string) shell {
	t.Helper()
	parent, err := os.MkdirTemp("", "somebody-else-") // not t.TempDir, which only its owner may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	s := shell{folder: filepath.Join(parent, "another name"), cli: filepath.Join(parent, "dagger"), module: filepath.Join(parent, "module")}
	copyFiles(t, project, s.folder)
	copyFiles(t, checkout, s.module)
	copyFile(t, said(t, cliVariable), s.cli, 0o755)
	s.env = append(os.Environ(), "HOME="+parent, "USER=nobody", "LOGNAME=nobody", "NO_COLOR=1", "DO_NOT_TRACK=1", "LC_ALL=C", "TZ=Asia/Tokyo")
	engine := said(t, engineVariable)
	if os.Geteuid() == 0 {
		s.as = anotherUser(t)
		// the engine's socket is root's alone; who may use Docker reaches the engine through it
		engine = "container://" + host.EngineContainer(host.Current)
		command(t, parent, "chown", "--recursive", strconv.Itoa(int(s.as.Uid)), parent)
	}
	s.env = append(s.env, host.EngineVariable+"="+engine)
	return s
}

// anotherUser is nobody, who may use Docker.
func anotherUser(t *testing.T) *syscall.Credential {
	t.Helper()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(nobody.Gid)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat("/var/run/docker.sock")
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{info.Sys().(*syscall.Stat_t).Gid}}
}

// copyFiles copies what Git knows of a folder, or would.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range strings.Split(command(t, from, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		copyFile(t, filepath.Join(from, name), filepath.Join(to, name), 0o644)
	}
}

func copyFile(t *testing.T, from, to string, mode fs.FileMode) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		if info, missing := os.Lstat(from); missing != nil || info.IsDir() {
			return // removed and Git has not been told, or the empty end of its list
		}
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, mode); err != nil {
		t.Fatal(err)
	}
}

// call is one dagger call, which must succeed; it returns what the function does.
func (s shell) call(t *testing.T, pipeline local, args ...string) string {
	t.Helper()
	commit := command(t, pipeline.root, "git", "rev-parse", "HEAD")
	run := exec.CommandContext(t.Context(), s.cli, append([]string{
		"--progress=plain", "call", "-m", s.module, "--source", ".", "--commit", commit, "--gpus", "",
		"--set", "model=phishing,image-lock=none", "--set", pipeline.inputs["settings"],
	}, args...)...)
	run.Dir, run.Env = s.folder, s.env
	if s.as != nil {
		run.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	var stderr bytes.Buffer
	run.Stderr = &stderr
	output, err := run.Output()
	if err != nil {
		t.Fatalf("dagger call %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(output))
}

// parity makes the jobs' calls from a plain shell, and compares everything that is meant to be equal.
func parity(t *testing.T, done ran, pipeline local, s shell) {
	s.call(t, pipeline, "train", "output", "export", "--path", "out/models")
	s.call(t, pipeline, "model", "--directory", "out/models", "bundle", "--version", "7", "--started-by", "ana", "export", "--path", "out/release")
	s.call(t, pipeline, "model", "--directory", "out/models", "evaluate", "report", "export", "--path", "out/reports/evaluation.json")
	s.call(t, pipeline, "scan", "reports", "export", "--path", "out/reports/scan")
	for job, name := range map[string]string{"train": "out/models", "export": "out/release", "evaluate": "out/reports/evaluation.json"} {
		sameFiles(t, done.artifact(job, name), filepath.Join(s.folder, name))
	}
	sameBill(t, done.artifact("scan", "out/reports/scan/sbom.cdx.json"), filepath.Join(s.folder, "out/reports/scan/sbom.cdx.json"))
	digest := s.call(t, pipeline, "image-digest")
	if published, err := os.ReadFile(done.artifact("publish", "out/image.txt")); err == nil && !strings.HasSuffix(strings.TrimSpace(string(published)), "@"+digest) {
		t.Errorf("the job published %s, a shell's image is %s", published, digest)
	}
	t.Run("and a training of its own gives the same model", func(t *testing.T) {
		// The limit is no input of the model, but one of the step: it runs again.
		s.call(t, pipeline, "--set", "train.time-limit=59m", "train", "bundle", "--version", "7", "--started-by", "ana", "export", "--path", "out/again")
		for _, name := range []string{"model.env", "metrics.json", "exports/tflite/model.tflite", "reports/evaluation.json"} {
			sameFiles(t, done.artifact("export", "out/release/"+name), filepath.Join(s.folder, "out/again", name))
		}
		// Keras writes an equal model in other bytes each time, so that the digests of its files differ; nothing else may.
		want, have := manifest(t, done.artifact("export", "out/release/manifest.json")), manifest(t, filepath.Join(s.folder, "out/again/manifest.json"))
		want.Files, have.Files = nil, nil
		if !reflect.DeepEqual(want, have) {
			t.Errorf("job:   %+v\nshell: %+v", want, have)
		}
	})
}

func manifest(t *testing.T, path string) lineage.Manifest {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	made, err := lineage.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// sameFiles wants two files, or all files of two folders, to be equal byte by byte.
func sameFiles(t *testing.T, job, shell string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(job, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		name, err := filepath.Rel(job, path)
		if err != nil {
			return err
		}
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		have, err := os.ReadFile(filepath.Join(shell, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(want, have) {
			t.Errorf("%s differs between job and shell", filepath.Join(filepath.Base(job), name))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if files == 0 {
		t.Errorf("the job left nothing in %s", job)
	}
}

// sameBill compares bills of materials without the times at which, and the serial numbers under which, they were written.
func sameBill(t *testing.T, job, shell string) {
	t.Helper()
	read := func(path string) map[string]any {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var bill map[string]any
		if err := json.Unmarshal(text, &bill); err != nil {
			t.Fatal(err)
		}
		if components, _ := bill["components"].([]any); len(components) < 10 {
			t.Errorf("%s lists %d components", path, len(components))
		}
		delete(bill, "serialNumber")
		delete(bill["metadata"].(map[string]any), "timestamp")
		return bill
	}
	want, have := read(job), read(shell)
	for key := range want {
		if !reflect.DeepEqual(want[key], have[key]) {
			t.Errorf("%s of the bill of materials differs between job and shell", key)
		}
	}
}
