package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func listed(t *testing.T) []advisory {
	t.Helper()
	text, err := os.ReadFile("facts.json")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func TestListedFactsAreSortedByID(t *testing.T) {
	facts := listed(t)
	if !slices.IsSortedFunc(facts, func(a, b advisory) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("facts.json is not in the order of the ids")
	}
}

func TestReadRefuses(t *testing.T) {
	const whole = `[{"id":"CVE-1","title":"t","record":"https://example.org/1","severity":{"ghsa":"HIGH"},
		"affected":[{"ecosystem":"pip","package":"a-b","vulnerable":["<2"],"patched":["2"]}]}]`
	if _, err := read([]byte(whole)); err != nil {
		t.Fatalf("the pattern itself: %v", err)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"no JSON":              {`[{`, `{`, "cannot unmarshal"},
		"more than a list":     {`}]}]`, `}]}] []`, "follows"},
		"an unknown key":       {`"title"`, `"titel"`, "titel"},
		"no title":             {`"title":"t"`, `"title":""`, "title"},
		"no record":            {`https://example.org/1`, `seen somewhere`, "record"},
		"an unknown severity":  {`HIGH`, `IMPORTANT`, "IMPORTANT"},
		"a bad vector":         {`"severity":{"ghsa":"HIGH"}`, `"cvss":{"nvd":"CVSS:3.1/AV:X"}`, "cvss"},
		"no package":           {`{"ecosystem":"pip","package":"a-b","vulnerable":["<2"],"patched":["2"]}`, ``, "no package"},
		"an unknown ecosystem": {`"pip"`, `"pypi"`, "pypi"},
		"a name as written":    {`a-b`, `A_b`, "normalized"},
		"no range":             {`["<2"]`, `[]`, "vulnerable"},
		"a system's fields":    {`"patched":["2"]`, `"fixed":"2"`, "a system's"},
		"a language's fields":  {`"pip"`, `"debian 12"`, "a language's"},
		"a fix and a status":   {`"pip","package":"a-b","vulnerable":["<2"],"patched":["2"]`, `"debian 12","package":"zlib","fixed":"2","status":"affected"`, "either"},
		"neither":              {`"pip","package":"a-b","vulnerable":["<2"],"patched":["2"]`, `"debian 12","package":"zlib"`, "either"},
		"an unknown status":    {`"pip","package":"a-b","vulnerable":["<2"],"patched":["2"]`, `"debian 12","package":"zlib","status":"open"`, "open"},
		"an id that is twice":  {whole, whole[:len(whole)-1] + "," + whole[1:], "twice"},
	} {
		text := strings.Replace(whole, test.old, test.new, 1)
		if text == whole {
			t.Errorf("%s: the text is as it was", name)
		}
		if _, err := read([]byte(text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, test.want)
		}
	}
}

// The scanner reads through the same functions as this test.
func TestWrite(t *testing.T) {
	folder := t.TempDir()
	updatedAt := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	if err := write(folder, listed(t), updatedAt); err != nil {
		t.Fatal(err)
	}
	about, err := metadata.NewClient(folder).Get()
	if err != nil || about.Version != 2 || !about.UpdatedAt.Equal(updatedAt) || !about.NextUpdate.Equal(updatedAt.AddDate(0, 0, 1)) {
		t.Errorf("metadata %+v, %v", about, err)
	}
	if err := db.Init(folder); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, test := range []struct {
		bucket, pkg string
		want        types.Advisory
	}{
		{"debian 12", "zlib", types.Advisory{VulnerabilityID: "CVE-2023-45853", Status: types.StatusWillNotFix}},
		{"debian 12", "glibc", types.Advisory{VulnerabilityID: "CVE-2024-2961", VendorIDs: []string{"DSA-5673-1"}, FixedVersion: "2.36-9+deb12u6"}},
		{"ubuntu 22.04", "glibc", types.Advisory{VulnerabilityID: "CVE-2024-2961", VendorIDs: []string{"USN-6737-1"}, FixedVersion: "2.35-0ubuntu3.7"}},
		{"npm::", "lodash", types.Advisory{VulnerabilityID: "CVE-2021-23337", VendorIDs: []string{"GHSA-35jh-r3h4-6jhm"},
			VulnerableVersions: []string{"<4.17.21"}, PatchedVersions: []string{"4.17.21"}}},
		{"pip::", "pyyaml", types.Advisory{VulnerabilityID: "CVE-2020-14343", VendorIDs: []string{"GHSA-8q59-q68h-6hv4"},
			VulnerableVersions: []string{"<5.4"}, PatchedVersions: []string{"5.4"}}},
	} {
		got, err := db.Config{}.GetAdvisories(test.bucket, test.pkg)
		if err != nil || len(got) != 1 {
			t.Errorf("%s of %s: %+v, %v", test.pkg, test.bucket, got, err)
			continue
		}
		if got[0].DataSource == nil {
			t.Errorf("%s: no data source", test.pkg)
		}
		got[0].DataSource = nil
		gotJSON, _ := json.Marshal(&got[0])
		wantJSON, _ := json.Marshal(&test.want)
		if string(gotJSON) != string(wantJSON) {
			t.Errorf("%s: got %s, want %s", test.pkg, gotJSON, wantJSON)
		}
	}
	zlib, err := db.Config{}.GetVulnerability("CVE-2023-45853")
	if err != nil || zlib.VendorSeverity["nvd"] != types.SeverityCritical || zlib.CVSS["nvd"].V3Score != 9.8 || zlib.Title == "" {
		t.Errorf("zlib %+v, %v", zlib, err)
	}
	glibc, err := db.Config{}.GetVulnerability("CVE-2024-2961")
	if err != nil || len(glibc.VendorSeverity) != 0 {
		t.Errorf("glibc has a severity, and the tests need one of unknown severity: %+v, %v", glibc, err)
	}
}

// Each variant arrives as the scanner asks for it, and is what its flag says.
func TestRun(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	repository := strings.TrimPrefix(server.URL, "http://") + "/aquasec/trivy-db:"
	digests := map[string]string{}
	for tag, flags := range map[string][]string{
		"2": nil, "empty": {"--empty"}, "truncated": {"--truncated"}, "old": {"--updated-at", "2024-11-24T00:00:00Z"}, "no-ubuntu": {"--without", "ubuntu"},
	} {
		if err := run(t.Context(), append(flags, "facts.json", repository+tag)); err != nil {
			t.Fatal(err)
		}
		reference, err := name.ParseReference(repository + tag)
		if err != nil {
			t.Fatal(err)
		}
		image, err := remote.Image(reference)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != layerType || manifest.Layers[0].Annotations[titleKey] != title {
			t.Errorf("%s: layers %+v", tag, manifest.Layers)
		}
		made, err := time.Parse(time.RFC3339, manifest.Annotations[createdKey])
		if old := time.Since(made) > renewal; err != nil || old != (tag == "old") {
			t.Errorf("%s: created %s, %v", tag, made, err)
		}
		digests[manifest.Layers[0].Digest.String()] = tag
	}
	if len(digests) != 5 {
		t.Errorf("the layers of five databases are %v", digests)
	}
}

func TestRunRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "facts.json")
	if err := os.WriteFile(bad, []byte(`[{"id":"CVE-1"}]`), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no reference":          {[]string{"facts.json"}, "REFERENCE"},
		"no such file":          {[]string{"missing.json", "127.0.0.1:1/a:2"}, "missing.json"},
		"bad facts":             {[]string{bad, "127.0.0.1:1/a:2"}, "CVE-1"},
		"no time":               {[]string{"--updated-at", "yesterday", "facts.json", "127.0.0.1:1/a:2"}, "updated-at"},
		"no reference's syntax": {[]string{"facts.json", "127.0.0.1:1/A A:2"}, "A A"},
		"nothing to leave out":  {[]string{"--without", "gentoo", "facts.json", "127.0.0.1:1/a:2"}, "gentoo"},
		"no registry":           {[]string{"facts.json", "127.0.0.1:1/a:2"}, "cannot push"},
	} {
		if err := run(t.Context(), test.args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, test.want)
		}
	}
}

func TestWithout(t *testing.T) {
	facts, err := without(listed(t), "ubuntu")
	if err != nil {
		t.Fatal(err)
	}
	systems := map[string]bool{}
	for _, fact := range facts {
		for _, where := range fact.Affected {
			systems[where.Ecosystem] = true
		}
	}
	if systems["ubuntu 22.04"] || !systems["debian 12"] || !systems["pip"] {
		t.Errorf("without ubuntu: %v", systems)
	}
	if whole := listed(t); len(whole[slices.IndexFunc(whole, func(a advisory) bool { return a.ID == "CVE-2024-2961" })].Affected) != 2 {
		t.Error("the facts themselves have changed")
	}
}
