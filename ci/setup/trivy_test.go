package setup

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/ci/plan"
)

func TestTrivyIsPinned(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "images", "trivy", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tool " + trivyModule + "/cmd/trivy\n", "\t" + trivyModule + " v" + trivyVersion + " "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("go.mod of the scanner lacks %q", want)
		}
	}
	if strings.Contains(string(text), "\nreplace ") {
		t.Error("the scanner is built from upstream's modules, none replaced")
	}
}

func TestCreatedAt(t *testing.T) {
	made := time.Date(2026, 11, 24, 19, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		status int
		body   string
		fine   bool
	}{
		"as pushed":     {http.StatusOK, `{"annotations":{"org.opencontainers.image.created":"2026-11-24T19:00:00Z"}}`, true},
		"no annotation": {http.StatusOK, `{}`, false},
		"no time":       {http.StatusOK, `{"annotations":{"org.opencontainers.image.created":"today"}}`, false},
		"no JSON":       {http.StatusOK, `<html>`, false},
		"not there":     {http.StatusNotFound, `{"annotations":{"org.opencontainers.image.created":"2026-11-24T19:00:00Z"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			got, err := createdAt(t.Context(), server.URL)
			if (err == nil) != test.fine || test.fine && !got.Equal(made) {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
	if _, err := createdAt(t.Context(), "http://127.0.0.1:1/"); err == nil {
		t.Error("no registry is no error")
	}
}

func TestScanDatabaseWithoutMirror(t *testing.T) {
	machine := Machine{Plan: plan.Plan{}}
	if got, err := machine.ScanDatabase(t.Context()); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
