package scanpolicy

import (
	"encoding/json"
	"fmt"
	"time"
)

// Database is what Trivy's vulnerability database says of itself.
type Database struct {
	Version   int
	UpdatedAt time.Time
}

// clockSkew is how far a database's date may lie ahead of this machine's clock.
const clockSkew = 24 * time.Hour

// ReadDatabase reads the metadata.json that lies beside trivy.db.
func ReadDatabase(text []byte) (Database, error) {
	var database Database
	if err := json.Unmarshal(text, &database); err != nil {
		return database, fmt.Errorf("the vulnerability database's metadata.json cannot be read: %w", err)
	}
	if database.UpdatedAt.IsZero() {
		return database, fmt.Errorf("the vulnerability database's metadata.json has no UpdatedAt: its age cannot be told")
	}
	return database, nil
}

// Fresh refuses a database that is older than limit: it knows nothing of what was found since.
func (d Database) Fresh(now time.Time, limit time.Duration) error {
	age := now.Sub(d.UpdatedAt)
	const day = 24 * time.Hour
	switch {
	case age > limit:
		return fmt.Errorf("the vulnerability database is of %s, %.1f days old, and scan.max-database-days is %g: renew the copy that scan.database names",
			d.UpdatedAt.Format(time.DateOnly), age.Hours()/day.Hours(), limit.Hours()/day.Hours())
	case age < -clockSkew:
		return fmt.Errorf("the vulnerability database is of %s, which has not come yet: set this machine's clock, or renew the copy that scan.database names",
			d.UpdatedAt.Format(time.DateOnly))
	}
	return nil
}
