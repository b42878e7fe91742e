package main

import (
	"os"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	cvss "github.com/pandatix/go-cvss/31"
	bolt "go.etcd.io/bbolt"
)

// renewal is how long the scanner takes a copy for the newest one.
const renewal = 24 * time.Hour

// write makes trivy.db and metadata.json in a folder that has neither.
func write(folder string, facts []advisory, updatedAt time.Time) error {
	if err := db.Init(folder); err != nil {
		return err
	}
	err := db.Config{}.BatchUpdate(func(tx *bolt.Tx) error {
		for _, fact := range facts {
			if err := put(tx, fact); err != nil {
				return err
			}
		}
		return nil
	})
	if closed := db.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return metadata.NewClient(folder).Update(metadata.Metadata{Version: db.SchemaVersion, UpdatedAt: updatedAt, NextUpdate: updatedAt.Add(renewal)})
}

func put(tx *bolt.Tx, fact advisory) error {
	var table db.Config
	for _, where := range fact.Affected {
		ecosystem := ecosystems[where.Ecosystem]
		if err := table.PutDataSource(tx, ecosystem.bucket, ecosystem.source); err != nil {
			return err
		}
		row := types.Advisory{
			FixedVersion: where.Fixed, VulnerableVersions: where.Vulnerable, PatchedVersions: where.Patched,
			Status: types.NewStatus(where.Status),
		}
		if where.Advisory != "" {
			row.VendorIDs = []string{where.Advisory}
		}
		if err := table.PutAdvisory(tx, []string{ecosystem.bucket, where.Package}, fact.ID, &row); err != nil {
			return err
		}
	}
	return table.PutVulnerability(tx, fact.ID, detail(fact))
}

// detail is what reports say about the vulnerability itself.
func detail(fact advisory) types.Vulnerability {
	vulnerability := types.Vulnerability{
		Title:          fact.Title,
		Description:    fact.Title,
		VendorSeverity: types.VendorSeverity{},
		CVSS:           types.VendorCVSS{},
		References:     append([]string{fact.Record}, fact.References...),
	}
	for by, name := range fact.Severity {
		severity, _ := types.NewSeverity(name) // read has checked it
		vulnerability.VendorSeverity[by] = severity
	}
	for by, text := range fact.CVSS {
		if vector, err := cvss.ParseVector(text); err == nil {
			vulnerability.CVSS[by] = types.CVSS{V3Vector: text, V3Score: vector.BaseScore()}
		}
	}
	return vulnerability
}

// cut leaves the first half of the database, as an interrupted copy does.
func cut(folder string) error {
	info, err := os.Stat(db.Path(folder))
	if err != nil {
		return err
	}
	return os.Truncate(db.Path(folder), info.Size()/2)
}
