package config

import (
	"strings"
	"testing"
)

func TestTrainData(t *testing.T) {
	for _, test := range []struct{ text, folder, store, name string }{
		{"data/sets", "data/sets", "", "data/sets"},
		{"s3://models/phishing/v3/", "data", "s3://models/phishing/v3", "s3://models/phishing/v3"},
		{"gs://bucket", "data", "gs://bucket", "gs://bucket"},
	} {
		settings, err := Parse([]byte("version: 1\ntrain: {data: \"" + test.text + "\"}\n"))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if train := settings.Train; train.Data != test.folder || train.Store != test.store || train.DataName() != test.name {
			t.Errorf("%s: folder %q, store %q, name %q", test.text, train.Data, train.Store, train.DataName())
		}
	}
	back, err := Default().Override([]string{"train.data=s3://bucket/a", "train.data=rows"})
	if err != nil || back.Train.Data != "rows" || back.Train.Store != "" {
		t.Errorf("set back: %+v, %v", back.Train, err)
	}
	for _, bad := range []string{"http://bucket/a", "s3://", "s3://bucket/../other", "s3://bucket/a b", "s3://bucket/" + strings.Repeat("a", 2000), "gs://Bucket"} {
		if _, err := Default().Override([]string{"train.data=" + bad}); err == nil || !strings.Contains(err.Error(), "is no place in an object store") {
			t.Errorf("%.40s: got %v", bad, err)
		}
	}
}
