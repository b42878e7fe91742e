package dataset

import (
	"strings"
	"testing"
)

const listed = `[
  {"Path": "train.csv", "Size": 4, "ModTime": "2026-01-02T03:04:05Z", "IsDir": false, "Hashes": {"md5": "aa"}},
  {"Path": "parts", "Size": 0, "IsDir": true},
  {"Path": "parts/1.csv", "Size": 9, "ModTime": "2026-01-02T03:04:05Z", "IsDir": false}
]`

func TestListing(t *testing.T) {
	listing, err := ReadListing([]byte(listed))
	if err != nil {
		t.Fatal(err)
	}
	if len(listing) != 2 || listing[0].Path != "parts/1.csv" {
		t.Fatalf("got %+v", listing)
	}
	for _, test := range []struct {
		name, old, new string
		same           bool
	}{
		{"touched", `"ModTime": "2026-01-02T03:04:05Z", "IsDir": false, "Hashes"`, `"ModTime": "2026-02-02T03:04:05Z", "IsDir": false, "Hashes"`, true},
		{"another content", `"aa"`, `"ab"`, false},
		{"touched, and without a hash", `"ModTime": "2026-01-02T03:04:05Z", "IsDir": false}`, `"ModTime": "2026-02-02T03:04:05Z", "IsDir": false}`, false},
		{"another size", `"Size": 9`, `"Size": 8`, false},
		{"another name", "train.csv", "training.csv", false},
	} {
		other, err := ReadListing([]byte(strings.Replace(listed, test.old, test.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if (other.Version() == listing.Version()) != test.same {
			t.Errorf("%s: equal versions: %v, want %v", test.name, !test.same, test.same)
		}
	}
	if !digestForm.MatchString(listing.Version()) {
		t.Errorf("version %q", listing.Version())
	}
}

func TestListingRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "the listing of the bucket",
		"[]":                             "there is no file",
		`[{"Path": "d", "IsDir": true}]`: "there is no file",
		`[{"Path": "../x"}]`:             "outside the data folder",
		`[{"Path": "/etc/x"}]`:           "outside the data folder",
		`[{"Path": "a/../../x"}]`:        "outside the data folder",
		`[{"Path": ""}]`:                 "outside the data folder",
	} {
		if _, err := ReadListing([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestFetched(t *testing.T) {
	listing := Listing{{Path: "a", Size: 1, Hashes: map[string]string{"md5": "aa"}}, {Path: "b", Size: 2}}
	for _, test := range []struct {
		name   string
		copied Listing
		want   string
	}{
		{"as listed", Listing{{Path: "b", Size: 2, Hashes: map[string]string{"md5": "bb"}}, {Path: "a", Size: 1, Hashes: map[string]string{"md5": "aa"}}}, ""},
		{"one missing", listing[:1], "b was listed and is not in the copy"},
		{"one more", append(Listing{{Path: "c"}}, listing...), "the copy has 3 files and the bucket's listing 2"},
		{"another size", Listing{{Path: "a", Size: 1}, {Path: "b", Size: 3}}, "b has 2 bytes in the bucket's listing and 3 in the copy"},
		{"another content", Listing{{Path: "a", Size: 1, Hashes: map[string]string{"md5": "ab"}}, {Path: "b", Size: 2}}, "a has the MD5 aa"},
	} {
		err := listing.Fetched(test.copied)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}
