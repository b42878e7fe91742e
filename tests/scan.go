package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// plantedToken has the form of a token of GitHub, and opens nothing.
var plantedToken = "gh" + "p_" + strings.Repeat("A1b2C3d4E5f6", 3)

// scan: what is vulnerable is found and named, what is accepted is accounted for, and a secret is never shown.
func (t *Tests) scan() []check {
	return []check{
		{"scan/a sample project passes, with what it accepts accounted for", func(ctx context.Context) error {
			report := line(t.Phishing).Scan()
			if err := report.Check(ctx); err != nil {
				return err
			}
			return holds(ctx, report.Reports().File("verdict.txt"), "0 stop the gate, 3 ignored",
				"keras 3.13.2: CVE-2026-11816 HIGH", "until 2027-06-30: It is in unpacking archives", "CVE-2026-12481", "CVE-2026-12484")
		}},
		{"scan/a sample project accepts one finding at a time, and not what it does not name", func(ctx context.Context) error {
			text, err := t.Phishing.File(".trivyignore.yaml").Contents(ctx)
			if err != nil {
				return err
			}
			fewer := strings.Replace(text, "CVE-2026-12481", "CVE-2000-0001", 1)
			err = line(t.Phishing.WithNewFile(".trivyignore.yaml", fewer)).Scan().Check(ctx)
			return refused(err, "scan of environment", "keras 3.13.2: CVE-2026-12481 HIGH, fixed in 3.12.3, 3.15.0")
		}},
		{"scan/whose packages a system has is said, where they are not its own", func(ctx context.Context) error {
			title, err := dag.Container().From(imageTiny).Label(ctx, "org.opencontainers.image.title")
			if err != nil {
				return err
			}
			summary, err := line(tiny()).Scan().Summary(ctx)
			const want = "the packages of ubuntu 22.04 are debian's, of which its advisories say nothing"
			if twin := strings.Contains(title, "stand-in"); err == nil && strings.Contains(summary, want) != twin {
				err = fmt.Errorf("the image is a stand-in: %t; the summary: %s", twin, summary)
			}
			return err
		}},
		{"scan/every form of the report", t.scanForms},
		{"scan/a vulnerable requirement stops the gate and the pipeline", func(ctx context.Context) error {
			vulnerable := line(tiny().WithNewFile("requirements.txt", "urllib3==1.26.4\n"))
			want := []string{"scan of ", "urllib3 1.26.4: CVE-2021-33503 HIGH, fixed in 1.26.5"}
			if err := refused(vulnerable.Scan().Check(ctx), want...); err != nil {
				return err
			}
			_, err := vulnerable.Pipeline().Sync(ctx)
			return refused(err, want...)
		}},
		{"scan/a project that accepts nothing is stopped by what its image carries", func(ctx context.Context) error {
			return refused(line(tiny().WithoutFile(".trivyignore.yaml")).Scan().Check(ctx), "protobuf 4.25.3: CVE-2026-0994 HIGH, fixed in 6.33.5")
		}},
		{"scan/what is new since an earlier bill of materials", func(ctx context.Context) error {
			before := line(tiny()).Scan().Reports().File("sbom.cdx.json")
			summary, err := line(tiny().WithNewFile("requirements.txt", "urllib3==1.26.4\n")).
				Scan(dagger.TensorflowCiScanOpts{Previous: before}).Summary(ctx)
			if err == nil && !strings.Contains(summary, ", 2 new") {
				return fmt.Errorf("the summary is %q, want 2 new, those of urllib3", summary)
			}
			return err
		}},
		{"scan/a bad Dockerfile in the source stops the gate until it is accepted", func(ctx context.Context) error {
			asRoot := tiny().WithNewFile("Dockerfile", "FROM debian:12.9\nRUN true\n")
			scanned := func(project *dagger.Directory) *dagger.TensorflowCiScanReport {
				return line(project).Scan(dagger.TensorflowCiScanOpts{Target: "source"})
			}
			if err := refused(scanned(asRoot).Check(ctx), "scan of source", "DS-0002 HIGH in Dockerfile"); err != nil {
				return err
			}
			// the source stays what it is: what is known of it must not outlive what is accepted of it
			accepting := asRoot.WithNewFile(".trivyignore.yaml", acceptedTiny+"misconfigurations:\n  - id: DS-0002\n    statement: of a tool\n    expired_at: "+
				time.Now().AddDate(0, 1, 0).Format(time.DateOnly)+"\n")
			if err := scanned(accepting).Check(ctx); err != nil {
				return err
			}
			text, err := scanned(asRoot).Reports().File("scan.json").Contents(ctx)
			if err == nil && !strings.Contains(text, "DS-0002") {
				err = fmt.Errorf("scan.json does not hold the misconfiguration")
			}
			return err
		}},
		{"scan/a secret in the source is found and never shown", func(ctx context.Context) error {
			planted := line(tiny().WithNewFile("settings.py", "TOKEN = \""+plantedToken+"\"\n"))
			report := planted.Scan(dagger.TensorflowCiScanOpts{Target: "source"})
			err := report.Check(ctx)
			if wrong := refused(err, "scan of source", "github-pat CRITICAL in settings.py:1"); wrong != nil {
				return wrong
			}
			if strings.Contains(err.Error(), plantedToken) {
				return fmt.Errorf("the message shows the token")
			}
			reports, err := report.Reports().Sync(ctx)
			if err != nil {
				return err
			}
			names, err := reports.Entries(ctx)
			if err != nil {
				return err
			}
			for _, name := range names {
				text, err := reports.File(name).Contents(ctx)
				if err != nil {
					return err
				}
				if strings.Contains(text, plantedToken) {
					return fmt.Errorf("%s shows the token", name)
				}
			}
			return nil
		}},
		{"scan/a model directory", func(ctx context.Context) error {
			files := dag.Directory().WithNewFile("saved_model.pb", "x").WithNewFile("assets/notes.txt", "token: "+plantedToken+"\n")
			return refused(line(tiny()).Model(files).Scan().Check(ctx), "scan of model", "github-pat", "assets/notes.txt")
		}},
		{"scan/a denied license", func(ctx context.Context) error {
			denying := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"scan: {denied-licenses: [MIT]}\n")
			return refused(line(denying).Scan().Check(ctx), "is under MIT, a denied license")
		}},
	}
}

// scanForms reads each report as who it is for would.
func (t *Tests) scanForms(ctx context.Context) error {
	reports, err := line(tiny().WithNewFile("requirements.txt", "urllib3==1.26.4\n")).Scan().Reports().Sync(ctx)
	if err != nil {
		return err
	}
	for name, want := range map[string]func(map[string]any) bool{
		"scan.json":  func(report map[string]any) bool { return report["ArtifactName"] == "environment" },
		"scan.sarif": func(report map[string]any) bool { return report["version"] == "2.1.0" },
		"sbom.cdx.json": func(report map[string]any) bool {
			return report["bomFormat"] == "CycloneDX" && len(report["vulnerabilities"].([]any)) > 0
		},
		"sbom.spdx.json": func(report map[string]any) bool {
			return report["spdxVersion"] == "SPDX-2.3" && len(report["packages"].([]any)) > 100
		},
	} {
		text, err := reports.File(name).Contents(ctx)
		if err != nil {
			return err
		}
		var report map[string]any
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !want(report) {
			return fmt.Errorf("%s is not what it should be: %.400s", name, text)
		}
	}
	text, err := reports.File("gl-container-scanning-report.json").Contents(ctx)
	if err != nil {
		return err
	}
	if err := gitLabReport([]byte(text)); err != nil {
		return fmt.Errorf("GitLab would not take gl-container-scanning-report.json: %w", err)
	}
	return holds(ctx, reports.File("scan.txt"), "urllib3", "CVE-2021-33503")
}

// faultyScans: a scan that proves nothing never passes for one that found nothing.
func (t *Tests) faultyScans() []check {
	var checks []check
	database := strings.TrimSuffix(t.Database, ":2")
	for _, bad := range []struct {
		name, reference string
		want            []string
	}{
		{"an empty database", database + ":empty", []string{"does not find what is known to be there"}},
		{"an old database", database + ":old", []string{"days old, and scan.max-database-days is 7"}},
		{"a truncated database", database + ":truncated", []string{"the scanner crashed (status 2): the vulnerability database is damaged"}},
		{"an image in place of a database", t.registry() + "/aquasec/trivy:0.74.0", []string{"what scan.database names is no database of Trivy"}},
		{"a database that is not there", database + ":99", []string{":99", "there is no vulnerability database of this name and tag in the registry, which answers"}},
		{"a registry that is down", "127.0.0.1:1/aquasec/trivy-db:2", []string{"127.0.0.1:1/aquasec/trivy-db:2", "the registry of the vulnerability database cannot be reached"}},
	} {
		if database == "" && !strings.HasPrefix(bad.reference, "127") {
			continue
		}
		checks = append(checks, check{"scan/refuses " + bad.name, func(ctx context.Context) error {
			_, err := line(tiny(), "scan.database="+bad.reference).Scan().Passed(ctx)
			return refused(err, bad.want...)
		}})
	}
	for _, bad := range []struct {
		name, text string
		want       []string
	}{
		{"an entry without a reason", "vulnerabilities:\n  - id: CVE-2026-0994\n    expired_at: 2027-01-31\n", []string{".trivyignore.yaml:2", "has no statement"}},
		{"an entry without a date", "vulnerabilities:\n  - id: CVE-2026-0994\n    statement: because\n", []string{".trivyignore.yaml:2", "has no expired_at"}},
		{"an entry that is over", accepted(time.Now().AddDate(0, 0, -1), "CVE-2026-0994"), []string{".trivyignore.yaml:2", "which is over"}},
		{"an ignore file that was tampered with", "vulnerabilities:\n  - {id: CVE-2026-0994, statement: a, expired_at: 2027-01-31, ignore: all}\n", []string{".trivyignore.yaml:2", `unknown key "ignore"`}},
		{"an ignore file that is none", "vulnerabilities: [\n", []string{".trivyignore.yaml", "not YAML"}},
	} {
		checks = append(checks, check{"scan/refuses " + bad.name, func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile(".trivyignore.yaml", bad.text)).Scan().Passed(ctx)
			return refused(err, bad.want...)
		}})
	}
	if t.Database != "" {
		checks = append(checks, check{"scan/refuses an image without a package database", func(ctx context.Context) error {
			root := dag.Directory().
				WithNewFile("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n").
				WithNewFile("usr/local/lib/python3.11/dist-packages/six-1.17.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n")
			address := t.registry() + "/tests/no-packages:1"
			if _, err := dag.Container().WithRootfs(root).Publish(ctx, address); err != nil {
				return err
			}
			err := line(tiny(), "images.serving="+address).Scan(dagger.TensorflowCiScanOpts{Target: "serving"}).Check(ctx)
			return refused(err, "scan of serving", "no package database of an operating system")
		}})
	}
	return append(checks, check{"scan/refuses the malicious releases of Trivy", func(ctx context.Context) error {
		_, err := line(tiny(), "images.trivy=aquasec/trivy:0.69.5").Scan().Passed(ctx)
		return refused(err, "0.69.5 is malicious")
	}})
}

func (t *Tests) registry() string {
	host, _, _ := strings.Cut(t.Database, "/")
	return host
}

// holds wants every one of parts in a file.
func holds(ctx context.Context, file *dagger.File, parts ...string) error {
	text, err := file.Contents(ctx)
	return said(text, err, parts...)
}
