//go:build gitlab

package proof

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// releasing adds to a pipeline what a release needs: a key that signs, its public half in the repository, and a store,
// which is a folder of the engine, new for each run.
func (l *local) releasing(t *testing.T) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	known, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(l.root, "attestation.pub"), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: known})))
	commit(t, l.root)
	l.variables["MODEL_SIGNING_KEY"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	l.variables["CI_PIPELINE_URL"] = "https://gitlab.example.com/ml/project/-/pipelines/7"
	l.variables["CI_JOB_URL"] = "https://gitlab.example.com/ml/project/-/jobs/70"
	l.inputs["deploy"] = "true"
	l.inputs["store"] = fmt.Sprintf("file:///gitlab-proof-%d", time.Now().UnixNano())
	l.inputs["store-access"] = ""
	l.inputs["canary-percent"] = "100"                                                        // the first version has nobody to share the traffic with
	l.inputs["settings"] = strings.TrimPrefix(l.inputs["settings"]+",release.settle=0s", ",") // nobody serves it
}

// inProduction looks at the store as the pipeline left it, and plays the job that would take the model back: it is refused,
// since the first version in production has none before it, and what is served stays.
func inProduction(t *testing.T, pipeline local, s shell) {
	where := []string{"release", "--store", pipeline.inputs["store"]}
	status := func() map[string]string {
		var state struct {
			Versions []struct {
				Version int
				State   string
			}
		}
		if err := json.Unmarshal([]byte(s.call(t, pipeline, append(where, "state", "contents")...)), &state); err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, version := range state.Versions {
			found[fmt.Sprint(version.Version)] = version.State
		}
		return found
	}
	if got := status(); len(got) != 1 || got["7"] != "production" {
		t.Errorf("the store has %v, want version 7 in production", got)
	}
	history := s.call(t, pipeline, append(where, "history")...)
	for _, want := range []string{
		"7: pushed (sha256:", "7: pushed → test", "7: test → canary (100 % of the traffic)", "7: canary → production", "ana", pipeline.variables["CI_PIPELINE_URL"],
	} {
		if !strings.Contains(history, want) {
			t.Errorf("the history lacks %q:\n%s", want, history)
		}
	}
	done := pipeline.run(t, "rollback")
	if log := done.log(t, "rollback"); !strings.Contains(log, "rollback of phishing 7 refused: there is no version to go back to") {
		t.Errorf("rollback: status %d\n%s", done.status, log)
	}
	if got := status(); got["7"] != "production" {
		t.Errorf("after a rollback that was refused the store has %v", got)
	}
}
