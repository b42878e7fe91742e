package imagelock

import (
	"reflect"
	"strings"
	"testing"
)

var digest = "sha256:" + strings.Repeat("0a", 32)

func TestRoundTrip(t *testing.T) {
	lock := Lock{
		Images:    map[string]string{"tensorflow": "wheel:2.21.0@" + digest, "trivy": "aquasec/trivy:0.74.0@" + digest},
		Platforms: map[string]string{"tensorflow": "linux/arm64", "trivy": "linux/arm64"},
	}
	text, err := lock.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Read(text); err != nil || !reflect.DeepEqual(got, lock) {
		t.Errorf("got %+v, %v; want %+v; the file was %s", got, err, lock, text)
	}
}

// A lock file of the time before platforms were written down loads, and fits whatever is asked for.
func TestReadEarlier(t *testing.T) {
	lock, err := Read([]byte(`{"tensorflow": "tensorflow/tensorflow:2.16.2@` + digest + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := lock.Images["tensorflow"]; got != "tensorflow/tensorflow:2.16.2@"+digest {
		t.Errorf("got %q", got)
	}
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		if err := lock.Fits("tensorflow", platform); err != nil {
			t.Error(err)
		}
	}
}

func TestFits(t *testing.T) {
	lock := Lock{Platforms: map[string]string{"tensorflow": "linux/amd64"}}
	if err := lock.Fits("tensorflow", "linux/amd64"); err != nil {
		t.Error(err)
	}
	if err := lock.Fits("trivy", "linux/arm64"); err != nil {
		t.Error(err)
	}
	err := lock.Fits("tensorflow", "linux/arm64")
	if err == nil || !strings.Contains(err.Error(), "image lock file, tensorflow: it was locked for linux/amd64, and linux/arm64 is asked for") {
		t.Errorf("got %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`[]`, "want a JSON object, role to reference@digest"},
		{``, "want a JSON object"},
		{`{"tensorflow": "tensorflow/tensorflow:2.16.2"}`, "image lock file, tensorflow: tensorflow/tensorflow:2.16.2 has no digest: write it as name:tag@sha256:…"},
		{`{"tensorflow": "tensorflow/tensorflow:latest"}`, "image lock file, tensorflow: image"},
		{`{"tensorflow": "wheel:2.21.0"}`, "wheel:2.21.0 has no digest: write it as wheel:VERSION@sha256:…"},
		{`{"tensorflow": "wheel:1.0@` + digest + `"}`, "there is no lock file of its packages' hashes"},
		{`{"tensorflow": 3}`, "image lock file, tensorflow: want a reference@digest"},
		{`{"platforms": "linux/amd64"}`, "image lock file, platforms: want an object, role to platform"},
		{`{"platforms": {"trivy": "linux/s390x"}}`, `image lock file, trivy: "linux/s390x" is no platform; allowed: ["linux/amd64" "linux/arm64"]`},
	} {
		got, err := Read([]byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %+v, %v, want %q", test.text, got, err, test.want)
		}
	}
}
