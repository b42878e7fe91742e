package scanpolicy

import (
	"strings"
	"testing"
)

func TestForeign(t *testing.T) {
	const (
		debian  = `{"purl": "pkg:deb/ubuntu/zlib1g@1", "supplier": {"name": "Mark Brown <broonie@debian.org>"}}`
		ubuntu  = `{"purl": "pkg:deb/ubuntu/zlib1g@1", "supplier": {"name": "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>"}}`
		nvidia  = `{"purl": "pkg:deb/ubuntu/libcudnn8@8", "supplier": {"name": "cudatools <cudatools@nvidia.com>"}}`
		nobody  = `{"purl": "pkg:deb/ubuntu/libc6@2"}`
		library = `{"purl": "pkg:pypi/six@1", "supplier": {"name": "x@debian.org"}}`
	)
	for name, test := range map[string]struct {
		family, components, want string
	}{
		"Debian's that call themselves Ubuntu":    {"ubuntu", debian + "," + nvidia + "," + nobody, "debian"},
		"Ubuntu's own":                            {"ubuntu", ubuntu + "," + nvidia, ""},
		"Ubuntu's, and one that somebody brought": {"ubuntu", debian + "," + ubuntu, ""},
		"Debian's own":                            {"debian", debian, ""},
		"Ubuntu's that call themselves Debian":    {"debian", ubuntu, "ubuntu"},
		"nobody's":                                {"ubuntu", nobody + "," + nvidia, ""},
		"a library's author":                      {"ubuntu", library, ""},
		"another family":                          {"alpine", debian, ""},
	} {
		got, err := Foreign([]byte(`{"components": [`+test.components+`]}`), System{test.family, "1"})
		if err != nil || got != test.want {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, test.want)
		}
	}
	if _, err := Foreign([]byte(`{"components": 5}`), System{"ubuntu", "22.04"}); err == nil {
		t.Error("a list that is none was read")
	}
}

func TestForeignPackagesAreSaid(t *testing.T) {
	report := Report{OS: "ubuntu 22.04", Packages: []Package{{Name: "zlib1g", Version: "1"}}, OSPackages: 1, Outdated: true}
	for foreign, want := range map[string]string{
		"debian": "the packages of ubuntu 22.04 are debian's, of which its advisories say nothing",
		"":       "no findings; 0 stop the gate, 0 ignored; ubuntu 22.04 gets no security fixes",
	} {
		verdict := Policy{Proven: Proven{"ubuntu 22.04": true}, Foreign: foreign}.Judge(report, nil, nil)
		if summary := verdict.Summary(); !strings.Contains(summary, want) || strings.Contains(summary, "debian") != (foreign != "") {
			t.Errorf("foreign %q: %s", foreign, summary)
		}
	}
}
