package release

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Approval is a person's word that one model may go into production.
type Approval struct {
	SchemaVersion int       `json:"schemaVersion"`
	Model         string    `json:"model"`
	Digest        string    `json:"canonicalDigest"` // the model that was looked at
	By            string    `json:"by"`
	At            time.Time `json:"at"`
	StartedBy     string    `json:"startedBy,omitempty"` // who started the pipeline that asked
	Pipeline      string    `json:"pipeline,omitempty"`
}

// Policy is what a project asks for before a model goes into production.
type Policy struct {
	Approvals   int           // how many people
	FourEyes    bool          // none of them is who started the pipeline
	Expiry      time.Duration // age from which an approval counts no more
	CanaryFirst bool          // a model takes another's place only after it was a canary
}

// skew is how far the clock of who approved may be ahead.
const skew = 5 * time.Minute

// Encode is the approval as a file.
func (a Approval) Encode() ([]byte, error) {
	a.SchemaVersion = SchemaVersion
	if err := a.check(); err != nil {
		return nil, err
	}
	return encode(a), nil
}

// ReadApproval reads what [Approval.Encode] wrote.
func ReadApproval(text []byte) (Approval, error) {
	var approval Approval
	if err := decode(text, &approval); err != nil {
		return Approval{}, fmt.Errorf("the approval cannot be read: %w; want the file that approve wrote", err)
	}
	if approval.SchemaVersion != SchemaVersion {
		return Approval{}, fmt.Errorf("the approval has schemaVersion %d, and this version of the line reads %d", approval.SchemaVersion, SchemaVersion)
	}
	return approval, approval.check()
}

func (a Approval) check() error {
	var wrong []error
	if err := person("the approval's by", a.By); err != nil {
		wrong = append(wrong, err)
	}
	if a.At.IsZero() {
		wrong = append(wrong, errors.New("the approval has no time"))
	}
	if a.Model == "" {
		wrong = append(wrong, errors.New("the approval names no model"))
	}
	if !digestForm.MatchString(a.Digest) {
		wrong = append(wrong, fmt.Errorf("the approval's canonicalDigest is %.80q, want sha256: and 64 digits from 0-9 and a-f", a.Digest))
	}
	return errors.Join(wrong...)
}

// maxPerson is how long a person's name may be.
const maxPerson = 200

// person refuses what names nobody.
func person(what, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New(what + " is empty: say who, a name or a login")
	case len(name) > maxPerson || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%s is %.60q: want up to %d printable characters", what, name, maxPerson)
	}
	return nil
}

// same tells whether two names are one person's.
func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// accept tells whether the approvals open production to a version; its error lists all that is wrong.
func (p Policy) accept(state State, version Version, order Order) error {
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	var people []string
	for _, approval := range order.Approvals {
		age := order.At.Sub(approval.At)
		switch {
		case approval.check() != nil:
			wrong = append(wrong, approval.check())
		case approval.Model != state.Model:
			complain("%s approved the model %q, this is %q", approval.By, approval.Model, state.Model)
		case approval.Digest != version.Digest:
			complain("%s approved another model: %s; version %d is %s: let them look at this one", approval.By, approval.Digest, version.Number, version.Digest)
		case age > p.Expiry:
			complain("the approval by %s is of %s, %s ago, and release.approval-expiry is %s: ask again", approval.By, moment(approval.At), age.Round(time.Minute), p.Expiry)
		case age < -skew:
			complain("the approval by %s is of %s, which is still to come: is a clock wrong?", approval.By, moment(approval.At))
		case p.FourEyes && (same(approval.By, order.StartedBy) || same(approval.By, approval.StartedBy)):
			complain("%s approved and started the pipeline, and release.four-eyes is on: somebody else must approve", approval.By)
		default:
			known := false
			for _, name := range people {
				known = known || same(name, approval.By)
			}
			if !known {
				people = append(people, approval.By)
			}
		}
	}
	if p.FourEyes && p.Approvals > 0 && strings.TrimSpace(order.StartedBy) == "" {
		complain("release.four-eyes is on and nobody knows who started the pipeline: say so with --started-by")
	}
	if len(wrong) == 0 && len(people) < p.Approvals {
		complain("%d of %d approvals are there, of different people: make one with approve --as NAME, give it with --approval", len(people), p.Approvals)
	}
	return errors.Join(wrong...)
}
