package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

const (
	databaseName  = "aquasec/trivy-db"
	databaseTag   = "2" // the schema's number, as upstream's tag
	databaseDaily = 24 * time.Hour
)

// databaseVariants are the tags in the registry, with what the program that makes them is told: the one for scans, and
// those that no scan should trust.
var databaseVariants = []struct {
	tag   string
	flags func(now time.Time) []string
}{
	{databaseTag, func(time.Time) []string { return nil }},
	{"empty", func(time.Time) []string { return []string{"--empty"} }},
	{"no-ubuntu", func(time.Time) []string { return []string{"--without", "ubuntu"} }},
	{"truncated", func(time.Time) []string { return []string{"--truncated"} }},
	{"old", func(now time.Time) []string {
		return []string{"--updated-at", now.AddDate(-2, 0, 0).UTC().Format(time.RFC3339)}
	}},
}

// ScanDatabase is the reference of the scanner's database, for containers in the engine; "" where the public one is
// reached.
func (m *Machine) ScanDatabase(ctx context.Context) (string, error) {
	if !m.Plan.Mirror {
		return "", nil
	}
	address, err := m.mirror(ctx)
	if err != nil {
		return "", err
	}
	return address + "/" + databaseName + ":" + databaseTag, nil
}

// databases puts them into the registry, and new ones each day: the scanner refuses an old one.
func (m *Machine) databases(registry, maker *step.Step) (*step.Step, error) {
	facts := m.repository("ci", "images", "trivydb", "facts.json")
	digest, err := step.Digest(facts)
	if err != nil {
		return nil, err
	}
	return &step.Step{
		Name:   "trivy-database",
		What:   "vulnerability database " + databaseName + ":" + databaseTag + " of today in the registry, and bad ones for the tests",
		Inputs: []string{digest},
		Uses:   []*step.Step{registry},
		Needs:  []*step.Step{maker},
		Holds:  m.databasesHold,
		Run:    func(ctx context.Context, log io.Writer) error { return m.pushDatabases(ctx, log, facts) },
	}, nil
}

// databaseMaker builds the program that makes a database from facts.
func (m *Machine) databaseMaker(after []*step.Step) (*step.Step, error) {
	module := m.repository("ci", "images", "trivydb")
	sources, err := filepath.Glob(filepath.Join(module, "*.go"))
	if err != nil {
		return nil, err
	}
	digest, err := step.Digest(append(sources, filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum"))...)
	if err != nil {
		return nil, err
	}
	return &step.Step{
		Name:   "trivydb",
		What:   "program that makes the vulnerability database, from the Go module proxy",
		Inputs: []string{digest},
		Uses:   after,
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.Folder.Path("bin", "trivydb")) },
		Run: func(ctx context.Context, log io.Writer) error {
			return m.scannerBuild(module, m.Folder.Path("bin", "trivydb"), ".").Run(ctx, log)
		},
		Try: tryProxy,
	}, nil
}

func (m *Machine) pushDatabases(ctx context.Context, log io.Writer, facts string) error {
	address, err := m.mirror(ctx)
	if err != nil {
		return err
	}
	for _, database := range databaseVariants {
		args := append([]string{m.Folder.Path("bin", "trivydb")}, database.flags(time.Now())...)
		command := proc.Command{Args: append(args, facts, address+"/"+databaseName+":"+database.tag)}
		if err := command.Run(ctx, log); err != nil {
			return err
		}
	}
	return nil
}

// databasesHold tells whether all databases are there, and the one for scans is of today.
func (m *Machine) databasesHold(ctx context.Context) bool {
	address, err := m.mirror(ctx)
	if err != nil {
		return false
	}
	for _, database := range databaseVariants {
		if !hasImage(ctx, address, databaseName, database.tag) {
			return false
		}
	}
	made, err := createdAt(ctx, fmt.Sprintf("http://%s/v2/%s/manifests/%s", address, databaseName, databaseTag))
	return err == nil && time.Since(made) < databaseDaily
}

// createdAt reads the time that an OCI manifest says its content is from.
func createdAt(ctx context.Context, manifest string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, manifest, nil)
	if err != nil {
		return time.Time{}, err
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return time.Time{}, errors.New(response.Status)
	}
	var content struct{ Annotations map[string]string }
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&content); err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, content.Annotations["org.opencontainers.image.created"])
}
