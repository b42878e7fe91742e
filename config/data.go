package config

import "strings"

// StoredData is the folder in which the training script finds data that lie in a bucket.
const StoredData = "data"

// readData reads where the training data lie: in the project, or in a bucket.
func (t *Train) readData(v value) {
	const allowed = "a path inside the project, relative to it, or s3://bucket/prefix or gs://bucket/prefix"
	place, ok := text(allowed, func(s string) (string, string) {
		switch {
		case !strings.Contains(s, "://"):
			return belowProject(s)
		case len(s) > maxPath || !storeForm.MatchString(s):
			return "", shown(s) + " is no place in an object store"
		}
		return strings.TrimSuffix(s, "/"), ""
	})(v)
	if !ok {
		return
	}
	t.Data, t.Store = place, ""
	if strings.Contains(place, "://") {
		t.Data, t.Store = StoredData, place
	}
}

// DataName is how the project calls its training data: their folder, or their place in a bucket.
func (t Train) DataName() string {
	if t.Store != "" {
		return t.Store
	}
	return t.Data
}

// checkpointPlace reads where checkpoints outlive the engine. No file:// store: it lies in a cache volume of the engine.
func checkpointPlace(v value) (string, bool) {
	return text("s3://bucket/prefix or gs://bucket/prefix", func(s string) (string, string) {
		switch {
		case strings.HasPrefix(s, "file://"):
			return "", shown(s) + " lies in the engine, which checkpoints are to outlive"
		case len(s) > maxPath || !storeForm.MatchString(s):
			return "", shown(s) + " is no place in an object store"
		}
		return strings.TrimSuffix(s, "/"), ""
	})(v)
}
