package config

import (
	"path"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Release is where models go and who must agree.
type Release struct {
	Store          string // s3://bucket/prefix, gs://bucket/prefix or file:///name; empty where nothing is released
	CanaryPercent  int    // of the traffic; 0 where a model goes from the test environment straight into production
	Approvals      int
	FourEyes       bool          // who started the pipeline does not approve
	ApprovalExpiry time.Duration // age from which an approval counts no more
	Settle         time.Duration // that servers need to load a version before a label can point at it
	ServingPath    string        // folder or address in which servers find the store
}

func defaultRelease() Release {
	return Release{CanaryPercent: 10, Approvals: 1, ApprovalExpiry: 72 * time.Hour, Settle: 30 * time.Second, ServingPath: "/models"}
}

func (r *Release) read(v value) {
	fields{
		"store":           into(&r.Store, store),
		"canary-percent":  into(&r.CanaryPercent, whole(0, 100)),
		"approvals":       into(&r.Approvals, whole(0, maxApprovals)),
		"four-eyes":       into(&r.FourEyes, boolean),
		"approval-expiry": into(&r.ApprovalExpiry, duration),
		"settle":          into(&r.Settle, pause),
		"serving-path":    into(&r.ServingPath, servingPath),
	}.read(v)
}

func store(v value) (string, bool) {
	return text("s3://bucket/prefix, gs://bucket/prefix or, to try things out, file:///name", func(s string) (string, string) {
		if len(s) > maxPath || !storeForm.MatchString(s) {
			return "", shown(s) + " is no place in an object store"
		}
		return strings.TrimSuffix(s, "/"), ""
	})(v)
}

// maxPause is how long a release waits for servers at most.
const maxPause = time.Hour

// pause reads a time that can be none.
func pause(v value) (time.Duration, bool) {
	const allowed = "a time from 0s to 1h with its unit, such as 30s or 2m"
	limit, err := time.ParseDuration(v.Value)
	switch {
	case v.Kind != yaml.ScalarNode || err != nil:
		v.refuse(v.describe()+" is no time", allowed)
		return 0, false
	case limit < 0 || limit > maxPause:
		v.refuse(v.Value+" is out of range", allowed)
		return 0, false
	}
	return limit, true
}

// servingPath reads the place of the store as servers see it.
func servingPath(v value) (string, bool) {
	return text("an absolute path such as /models, or an address such as gs://bucket/prefix", func(s string) (string, string) {
		if len(s) <= maxPath && (storeForm.MatchString(s) || path.IsAbs(s) && path.Clean(s) == s && isPrintable(s)) {
			return strings.TrimSuffix(s, "/"), ""
		}
		return "", shown(s) + " is no place that servers can read"
	})(v)
}
