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

func TestTrainCheckpoints(t *testing.T) {
	for text, want := range map[string]string{
		"s3://models/checkpoints/": "s3://models/checkpoints", "gs://bucket": "gs://bucket",
		"s3://bucket/a/b=1": "s3://bucket/a/b=1",
	} {
		settings, err := Parse([]byte("version: 1\ntrain: {checkpoints: \"" + text + "\"}\n"))
		if err != nil || settings.Train.Checkpoints != want {
			t.Errorf("%s: %q, %v; want %q", text, settings.Train.Checkpoints, err, want)
		}
	}
	if kept := Default().Train.Checkpoints; kept != "" {
		t.Errorf("by default checkpoints go to %q", kept)
	}
	for bad, want := range map[string]string{
		"file:///checkpoints": "lies in the engine, which checkpoints are to outlive",
		"checkpoints":         "is no place", "": "is no place", "http://bucket/a": "is no place", "s3://": "is no place",
		"s3://user:password@bucket/a": "is no place", "s3://bucket/../other": "is no place",
		"s3://bucket/" + strings.Repeat("a", 2000): "is no place",
	} {
		_, err := Default().Override([]string{"train.checkpoints=" + bad})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "train.checkpoints") {
			t.Errorf("%.40s: got %v, want %q", bad, err, want)
		}
	}
}
