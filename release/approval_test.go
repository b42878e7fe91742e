package release

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestApprovals(t *testing.T) {
	of := func(change func(*Approval)) []Approval {
		approvals := approved("b", "bea")
		change(&approvals[0])
		return approvals
	}
	two := slices.Concat(approved("b", "bea"), approved("b", "Carl"))
	for _, test := range []struct {
		name      string
		policy    Policy
		approvals []Approval
		startedBy string
		want      string // "" where production opens
	}{
		{"one", policy, approved("b", "bea"), "", ""},
		{"none", policy, nil, "", "0 of 1 approvals are there"},
		{"none asked for", Policy{Expiry: time.Hour}, nil, "", ""},
		{"none asked for, one that is wrong", Policy{Expiry: time.Hour}, approved("a", "bea"), "", "approved another model"},
		{"two", Policy{Approvals: 2, Expiry: time.Hour}, two, "", ""},
		{"one twice", Policy{Approvals: 2, Expiry: time.Hour}, slices.Concat(approved("b", "bea"), approved("b", " BEA ")), "", "1 of 2 approvals are there, of different people"},
		{"another digest", policy, approved("a", "bea"), "", "bea approved another model: sha256:aaaa"},
		{"another model's name", policy, of(func(a *Approval) { a.Model = "digits" }), "", `approved the model "digits"`},
		{"at the limit", policy, of(func(a *Approval) { a.At = start.Add(-policy.Expiry) }), "", ""},
		{"expired", policy, of(func(a *Approval) { a.At = start.Add(-policy.Expiry - time.Second) }), "", "release.approval-expiry is 24h0m0s: ask again"},
		{"from the future", policy, of(func(a *Approval) { a.At = start.Add(time.Hour) }), "", "still to come"},
		{"a clock a little ahead", policy, of(func(a *Approval) { a.At = start.Add(time.Minute) }), "", ""},
		{"no name", policy, of(func(a *Approval) { a.By = " " }), "", "by is empty"},
		{"a name that moves the cursor", policy, of(func(a *Approval) { a.By = "\x1b[2J" }), "", "printable"},
		{"no time", policy, of(func(a *Approval) { a.At = time.Time{} }), "", "no time"},
		{"no digest", policy, of(func(a *Approval) { a.Digest = "" }), "", "canonicalDigest"},
		{"one good, one bad", policy, slices.Concat(approved("b", "bea"), approved("a", "carl")), "", "carl approved another model"},
		{"four eyes", Policy{Approvals: 1, Expiry: time.Hour, FourEyes: true}, approved("b", "bea"), "ann", ""},
		{"two eyes", Policy{Approvals: 1, Expiry: time.Hour, FourEyes: true}, approved("b", "Ann "), "ann", "approved and started the pipeline"},
		{"two eyes, by the approval's own word", Policy{Approvals: 1, Expiry: time.Hour, FourEyes: true}, of(func(a *Approval) { a.StartedBy = "bea" }), "ann", "approved and started"},
		{"two eyes of two people", Policy{Approvals: 2, Expiry: time.Hour, FourEyes: true}, two, "carl", "Carl approved and started the pipeline"},
		{"four eyes, and nobody knows who began", Policy{Approvals: 1, Expiry: time.Hour, FourEyes: true}, approved("b", "bea"), " ", "say so with --started-by"},
		{"two eyes where that is allowed", policy, approved("b", "ann"), "ann", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, candidate := model("b")
			version := Version{Number: 2, Status: Canary, Digest: candidate.Digest, Files: candidate.Files}
			state := State{SchemaVersion: 1, Model: "phishing", Sequence: 9, CanaryPercent: 10, Versions: []Version{version}}
			err := test.policy.accept(state, version, Order{Action: Promote, At: start, By: "ann", StartedBy: test.startedBy, Approvals: test.approvals})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestApprovalFile(t *testing.T) {
	want := approved("a", "bea")[0]
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadApproval(text); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, change := range map[string][2]string{
		"schemaVersion 2": {`"schemaVersion": 1`, `"schemaVersion": 2`},
		"cannot be read":  {`"by"`, `"bye"`},
		"more after":      {"}", "} {}"},
		"canonicalDigest": {"sha256:aa", "sha512:aa"},
		"names no model":  {`"phishing"`, `""`},
	} {
		if _, err := ReadApproval([]byte(strings.Replace(string(text), change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if text, err := (Approval{By: "bea"}).Encode(); err == nil {
		t.Errorf("made %s", text)
	}
}

func TestOrdersThatAreWrong(t *testing.T) {
	for _, test := range []struct {
		order Order
		want  string
	}{
		{Order{Action: Promote}, "--by is empty"},
		{Order{Action: Promote, By: "a\nb"}, "--by is"},
		{Order{Action: Promote, By: strings.Repeat("x", 201)}, "--by is"},
		{Order{Action: Promote, By: "ann", StartedBy: "\x00"}, "--started-by is"},
		{Order{Action: Rollback, By: "ann", Reason: "  "}, "needs a reason"},
		{Order{Action: Rollback, By: "ann", Reason: "a\x1b[2J"}, "--reason is"},
		{Order{Action: Retire, By: "ann"}, "needs a reason"},
		{Order{Action: Promote, By: "ann", Pipeline: strings.Repeat("x", 2001)}, "--pipeline-url is"},
		{Order{Action: Promote, By: "ann", Version: 1, Digest: "sha256:" + strings.Repeat("a", 64)}, "--digest and --version are both given"},
		{Order{Action: Promote, By: "ann", Digest: "sha256:aaa\n"}, "--digest is"},
		{Order{Action: Promote, By: "ann", Version: -1}, "--version is -1"},
		{Order{Action: "force", By: "ann", Version: 1}, `"force" is no action`},
		{Order{Action: Push, By: "ann"}, "the model's digest"},
		{Order{Action: Push, By: "ann", Candidate: Candidate{Digest: "sha256:" + strings.Repeat("a", 64)}}, "has no files"},
	} {
		m := newMemory()
		script(t, m, first...)
		before := len(m.objects)
		if _, err := book(m).Do(t.Context(), test.order, nil); err == nil || !strings.Contains(err.Error(), test.want) || len(m.objects) != before {
			t.Errorf("%+v: got %v, want %s", test.order, err, test.want)
		}
	}
}

func TestText(t *testing.T) {
	m := newMemory()
	script(t, m, first...)
	script(t, m, "push b", "deploy-test", "canary 10", "canary 0", "promote b", "rollback")
	table := look(t, m).Table()
	for _, want := range []string{"1        production   100 %    sha256:aaaaaaaaaaaa  a\n", "2        rolled-back           sha256:bbbbbbbbbbbb  b\n"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	records, err := book(m).History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	history := HistoryTable(records)
	for _, want := range []string{
		"6   2026-11-24 12:00:00  ann  phishing 2: test → canary (10 % of the traffic) (sha256:bbbbbbbbbbbb)",
		"7   2026-11-24 12:00:00  ann  phishing 2: canary (0 % of the traffic) (sha256:bbbbbbbbbbbb)",
		"phishing 1: production → retired; phishing 2: canary → production (sha256:bbbbbbbbbbbb)",
		"phishing 2: production → rolled-back; phishing 1: retired → production",
	} {
		if !strings.Contains(history, want) {
			t.Errorf("the history lacks %q:\n%s", want, history)
		}
	}
	if got := (State{Model: "x"}).Table(); got != "x: nothing was pushed yet\n" {
		t.Errorf("got %q", got)
	}
}
