package objectstore

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]struct {
		at string
		of string // the address as it is written
	}{
		"s3://models":                  {"remote:models/", "s3://models"},
		"s3://models/":                 {"remote:models/", "s3://models"},
		"s3://models/team/a/":          {"remote:models/team/a/", "s3://models/team/a"},
		"gs://my.bucket_1/x":           {"remote:my.bucket_1/x/", "gs://my.bucket_1/x"},
		"file:///try":                  {"remote/try", "file:///try"},
		"file:///try/it/":              {"remote/try/it", "file:///try/it"},
		"s3://models/date=2026-11-24/": {"remote:models/date=2026-11-24/", "s3://models/date=2026-11-24"},
	} {
		address, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := address.At("remote"); got != want.at {
			t.Errorf("%s is at %s, want %s", text, got, want.at)
		}
		if got := address.String(); got != want.of {
			t.Errorf("%s is written %s, want %s", text, got, want.of)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "no store is named",
		"models":                       "is no address",
		"/srv/models":                  "is no address",
		"ftp://models/x":               "of a kind that is not known",
		"s3://":                        "names no bucket",
		"s3://UPPER/x":                 "names no bucket",
		"s3://a/x":                     "names no bucket",
		"s3://models/../other":         "has a prefix that is none",
		"s3://models//x":               "has a prefix that is none",
		"s3://models/.hidden":          "has a prefix that is none",
		"s3://models/$(id)":            "has a prefix that is none",
		"s3://models/x,env_auth=false": "has a prefix that is none",
		"s3://key:secret@models/x":     "holds a user or a password",
		"file://host/x":                "has a host",
		"file:///":                     "names no folder",
		"file:///../etc":               "names no folder",
		"s3://models/" + strings.Repeat("x", maxAddress): "is too long",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "key:secret") {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

func TestRemoteOf(t *testing.T) {
	const two = "# mine\n[gs]\ntype = google cloud storage\n\n[ work ]\ntype=s3\nsecret_access_key = [type] = s3\n"
	for _, test := range []struct{ configuration, kind, want, refused string }{
		{two, S3, " work ", ""},
		{two, GCS, "gs", ""},
		{"[a]\r\ntype = s3\r\n", S3, "a", ""},
		{"[a]\ntype = s3\n[s3]\ntype = s3\n", S3, "s3", ""},
		{"[a]\ntype = s3\n[b]\ntype = s3\n", S3, "", "has 2 remotes of the type \"s3\": call the one to use [s3]"},
		{"[a]\ntype = s3\n", GCS, "", `has no remote of the type "google cloud storage"`},
		{"{}", S3, "", "is no rclone.conf"},
		{"", S3, "", "is no rclone.conf"},
	} {
		got, err := RemoteOf(test.configuration, test.kind)
		if got != test.want || (err != nil) != (test.refused != "") || err != nil && !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%q, %s: got %q, %v", test.configuration, test.kind, got, err)
		}
	}
}

func TestExplained(t *testing.T) {
	for message, want := range map[string]string{
		"operation error S3: PutObject, https response error StatusCode: 403, RequestID: 1, api error SignatureDoesNotMatch: …": "refuses the credentials",
		"googleapi: Error 403: Forbidden":                                "refuses the credentials",
		"api error NoSuchBucket: The specified bucket does not exist":    "there is no such bucket",
		"dial tcp 127.0.0.1:1: connect: connection refused":              "cannot be reached",
		"lookup store.invalid: no such host":                             "cannot be reached",
		"write /data: no space left on device":                           "the store is full",
		"tls: failed to verify certificate: x509: unknown authority":     "cannot be reached",
		"RequestID: 4034015035, something that nobody has seen":          "rclone: RequestID: 4034015035, something",
		"two\nlines\t" + strings.Repeat("x", 2*maxWords) + "and the end": "rclone: two lines xxx",
	} {
		if got := explained(message).Error(); !strings.Contains(got, want) || strings.Contains(got, "and the end") || strings.Contains(got, "\n") {
			t.Errorf("%.40q: got %s, want %s", message, got, want)
		}
	}
}
