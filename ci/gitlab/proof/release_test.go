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
	l.inputs["settings"] = strings.TrimPrefix(l.inputs["settings"]+",release.settle=0s", ",") // nobody serves it
}

// stored is the store of a pipeline, seen from a shell.
type stored struct {
	pipeline local
	shell    shell
}

func (s stored) call(t *testing.T, args ...string) string {
	t.Helper()
	return s.shell.call(t, s.pipeline, append([]string{"release", "--store", s.pipeline.inputs["store"]}, args...)...)
}

// holds wants exactly these versions to be there: "7 production, 9 rolled-back".
func (s stored) holds(t *testing.T, want string) {
	t.Helper()
	var state struct {
		Versions []struct {
			Version int
			State   string
		}
	}
	if err := json.Unmarshal([]byte(s.call(t, "state", "contents")), &state); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, version := range state.Versions {
		found = append(found, fmt.Sprintf("%d %s", version.Version, version.State))
	}
	if got := strings.Join(found, ", "); got != want {
		t.Errorf("the store has %s, want %s", got, want)
	}
}

// inProduction looks at the store as the pipeline left it, and plays the job that would take the model back: it is refused,
// since the first version in production has none before it, and what is served stays.
func inProduction(t *testing.T, pipeline local, s shell) {
	store := stored{pipeline, s}
	store.holds(t, "7 production")
	history := store.call(t, "history")
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
	store.holds(t, "7 production")
}

// laterPipelines are two more of the same project: one whose model is the one in production already, which changes nothing
// and fails nowhere, and one whose model is another, which goes into production and is taken back.
func laterPipelines(t *testing.T, pipeline local, s shell) {
	store := stored{pipeline, s}
	released := []string{"export", "sign", "push", "deploy-test", "approve", "canary", "promote", "--manual", "approve"}
	pipeline.variables["CI_PIPELINE_IID"] = "8"
	done := pipeline.run(t, released...)
	if done.status != 0 {
		t.Fatalf("the same model once more: status %d, failed %v\n%s", done.status, done.failed, done.output)
	}
	for job, want := range map[string]string{
		"push":        "phishing 7: this model was pushed already, it is production; there is no version 8 of it",
		"deploy-test": "it is past the test environment (production), nothing to do",
		"canary":      "phishing 7: it is in production, nothing to do",
		"promote":     "phishing 7: it is in production, nothing to do",
	} {
		if log := done.log(t, job); !strings.Contains(log, want) {
			t.Errorf("job %s does not say %q:\n%s", job, want, log)
		}
	}
	store.holds(t, "7 production")
	pipeline.variables["CI_PIPELINE_IID"] = "9"
	pipeline.inputs["settings"] += ",train.seed=8"
	done = pipeline.run(t, append([]string{"train", "evaluate"}, released...)...)
	if done.status != 0 {
		t.Fatalf("another model: status %d, failed %v\n%s", done.status, done.failed, done.output)
	}
	store.holds(t, "7 retired, 9 production")
	if history := store.call(t, "history"); !strings.Contains(history, "9: test → canary (10 % of the traffic)") {
		t.Errorf("the second version was no canary with a part of the traffic:\n%s", history)
	}
	if done = pipeline.run(t, "rollback"); done.status != 0 {
		t.Errorf("rollback: status %d\n%s", done.status, done.output)
	}
	store.holds(t, "7 production, 9 rolled-back")
}
