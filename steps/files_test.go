package steps

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
)

func TestFiles(t *testing.T) {
	got := Files("data", map[string]string{"a.csv": "1", "more/b.csv": "2"})
	if want := (Inputs{"data/a.csv": "1", "data/more/b.csv": "2"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Files("", map[string]string{"train.py": "1"}); got["train.py"] != "1" {
		t.Errorf("at the top of a project: got %v", got)
	}
}

func TestVeryManyFilesAreToldApartByFolder(t *testing.T) {
	digests := map[string]string{"train.py": "1"}
	for n := range manyFiles {
		digests[fmt.Sprintf("images/%d.png", n)] = "1"
		digests[fmt.Sprintf("lib/deep/%d.py", n)] = "1"
	}
	before := Files("", digests)
	if want := []string{"images/", "lib/", "train.py"}; !slices.Equal(slices.Sorted(maps.Keys(before)), want) {
		t.Fatalf("got %v, want %v", before, want)
	}
	digests["lib/deep/7.py"] = "2"
	if got := Changed(before, Files("", digests)); !slices.Equal(got, []string{"lib/ changed"}) {
		t.Errorf("a file in lib changed: got %v", got)
	}
	digests["lib/deep/7.py"] = "1"
	delete(digests, "images/3.png")
	if got := Changed(before, Files("", digests)); !slices.Equal(got, []string{"images/ changed"}) {
		t.Errorf("a file in images was removed: got %v", got)
	}
	if got := Files("data", digests); got["data/lib/"] == "" {
		t.Errorf("below a folder: got %v", got)
	}
}
