package scanpolicy

import (
	"strings"
	"testing"
)

func TestDeniedBy(t *testing.T) {
	denied := []string{"AGPL-3.0", "GPL-3.0-only", "SSPL-1.0"}
	for _, test := range []struct{ licenses, want string }{ // lists are separated by |
		{"MIT", ""},
		{"AGPL-3.0", "AGPL-3.0"},
		{"agpl-3.0-only", "agpl-3.0-only"},
		{"AGPL-3.0-or-later", "AGPL-3.0-or-later"},
		{"AGPL-3.0+", "AGPL-3.0+"},
		{"AGPL-3.0-linking", ""},
		{"LGPL-3.0-only", ""},
		{"GPL-3.0-or-later", ""},
		{"GPL-3.0", ""},
		{"MIT|SSPL-1.0", "SSPL-1.0"},
		{"MIT OR AGPL-3.0-only", ""},
		{"AGPL-3.0-only OR MIT", ""},
		{"AGPL-3.0-only OR SSPL-1.0", "AGPL-3.0-only|SSPL-1.0"},
		{"AGPL-3.0-only OR SSPL-1.0 OR MIT", ""},
		{"MIT AND AGPL-3.0-only", "AGPL-3.0-only"},
		{"MIT OR BSD-3-Clause AND AGPL-3.0-only", ""},
		{"(MIT OR BSD-3-Clause) AND AGPL-3.0-only", "AGPL-3.0-only"},
		{"MIT AND (Apache-2.0 OR AGPL-3.0-only)", ""},
		{"GPL-3.0-only WITH Classpath-exception-2.0", "GPL-3.0-only"},
		{"GPL-3.0-only WITH Classpath-exception-2.0 OR MIT", ""},
		{"MIT, AGPL-3.0", "AGPL-3.0"},
		{"MIT/AGPL-3.0", "AGPL-3.0"},
		{"MIT or AGPL-3.0", "AGPL-3.0"},
		{"MIT) AND AGPL-3.0", "AGPL-3.0"},
		{"MIT OR", ""},
		{"OR AGPL-3.0", ""},
		{"AND AND AGPL-3.0", "AGPL-3.0"},
		{"AGPL-3.0 WITH", "AGPL-3.0"},
		{strings.Repeat("(", 100_000) + "MIT OR SSPL-1.0", "SSPL-1.0"},
		{"", ""},
		{"()", ""},
	} {
		if got := strings.Join(deniedBy(strings.Split(test.licenses, "|"), denied), "|"); got != test.want {
			t.Errorf("%.80q: denied %q, want %q", test.licenses, got, test.want)
		}
	}
}
