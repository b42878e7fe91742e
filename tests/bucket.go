package main

import "context"

// bucket: training data come out of a bucket as they are there now, and a change there is noticed.
func (t *Tests) bucket() []check {
	stored := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"train: {data: \"s3://models/tiny\"}\n")
	return []check{
		{"bucket/without a configuration the data cannot be reached", func(ctx context.Context) error {
			_, err := line(stored).Train().SavedModel().Sync(ctx)
			return refused(err, "train.data is s3://models/tiny", "--data-config", "[s3]")
		}},
		{"bucket/a place that is none", func(ctx context.Context) error {
			_, err := line(tiny(), "train.data=ftp://models/tiny").Train().SavedModel().Sync(ctx)
			return refused(err, "train.data", "is no place in an object store")
		}},
	}
}
