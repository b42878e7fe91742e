package release

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Order is one action with all that it is decided by, beside the state.
type Order struct {
	Action  Action
	Version int64 // 0 for the one that the action is about by itself
	// Digest names the model instead of the version, as a pipeline knows it. Such an order means "at least as far as
	// that": what is further on its way is left there.
	Digest string
	// Percent is the canary's part; with FirstTakesAll it is 100 where nothing is in production that could take the rest.
	Percent       int
	FirstTakesAll bool
	Candidate     Candidate
	Proof         Proof // of canary and promote

	By        string
	At        time.Time
	StartedBy string
	Pipeline  string
	Reason    string
	Approvals []Approval
}

// Candidate is the model that is pushed.
type Candidate struct {
	Digest string
	Commit string
	Files  map[string]File
}

// Proof is what a signed attestation says of a model.
type Proof struct {
	Digest     string
	GatePassed bool
}

// Verifier opens a signed attestation; an error means that nobody vouches for what it says.
type Verifier func(envelope []byte) (canonicalDigest string, gatePassed bool, commit string, err error)

// maxText is how long a reason or an address may be.
const maxText = 2000

// Check refuses an order that is wrong whatever the state.
func (o Order) Check() error {
	var wrong []error
	if err := person("--by", o.By); err != nil {
		wrong = append(wrong, err)
	}
	if o.StartedBy != "" {
		if err := person("--started-by", o.StartedBy); err != nil {
			wrong = append(wrong, err)
		}
	}
	for flag, text := range map[string]string{"--reason": o.Reason, "--pipeline-url": o.Pipeline} {
		if len(text) > maxText || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) }) {
			wrong = append(wrong, fmt.Errorf("%s is %.60q: want up to %d characters in one line", flag, text, maxText))
		}
	}
	if o.Version < 0 {
		wrong = append(wrong, fmt.Errorf("--version is %d: want 1 or more", o.Version))
	}
	if o.Digest != "" && o.Version != 0 {
		wrong = append(wrong, fmt.Errorf("--digest and --version are both given (%d): want one of them", o.Version))
	}
	if o.Digest != "" && !digestForm.MatchString(o.Digest) {
		wrong = append(wrong, fmt.Errorf("--digest is %.80q: want a model's canonical digest, sha256: and 64 digits", o.Digest))
	}
	if o.Action == SetCanary && (o.Percent < 0 || o.Percent > 100) {
		wrong = append(wrong, fmt.Errorf("--percent is %d: want 0 to 100", o.Percent))
	}
	if (o.Action == Rollback || o.Action == Retire) && strings.TrimSpace(o.Reason) == "" {
		wrong = append(wrong, fmt.Errorf("%s needs a reason for whoever reads the history: --reason", o.Action))
	}
	return errors.Join(wrong...)
}

// target finds the version that an order is about.
func (s State) target(o Order, last *Record) (Version, error) {
	if o.Version > 0 {
		version, found := s.Find(o.Version)
		if !found {
			return Version{}, fmt.Errorf("there is no version %d of %s: status lists those that are there", o.Version, s.Model)
		}
		return version, nil
	}
	if o.Digest != "" {
		version, found := s.byDigest(o.Digest, Pushed, Test, Canary, Production)
		if !found {
			version, found = s.byDigest(o.Digest)
		}
		if !found {
			return Version{}, fmt.Errorf("no version of %s is the model %s: was it pushed to this store?", s.Model, o.Digest)
		}
		return version, nil
	}
	missing := func(want string) (Version, error) {
		return Version{}, fmt.Errorf("no version of %s %s: name one with --version, status lists them", s.Model, want)
	}
	first := func(want string, of ...Status) (Version, error) {
		for _, status := range of {
			if version, found := s.newest(status); found {
				return version, nil
			}
		}
		return missing(want)
	}
	switch o.Action {
	case DeployTest:
		// The newest push, unless something newer is on its way already: then this is that call once more.
		pushed, waits := s.newest(Pushed)
		if tested, found := s.Holder(Test); found && (!waits || tested.Number > pushed.Number) {
			return tested, nil
		}
		if !waits {
			return missing("was pushed and waits for the test environment")
		}
		return pushed, nil
	case SetCanary:
		return first("is in the test environment", Test, Canary)
	case Promote:
		// The canary, whatever was approved: an approval of another model must not pass for one of it.
		if canary, found := s.Holder(Canary); found {
			return canary, nil
		}
		for _, approval := range o.Approvals {
			if version, found := s.byDigest(approval.Digest, Test, Production); found {
				return version, nil
			}
		}
		if o.Approvals != nil {
			return missing("in test, canary or production is the approved model")
		}
		return first("can be promoted", Test, Production)
	case Rollback:
		// A repeat must not go back a second time: what was rolled back last is what it is about.
		if last != nil && last.Action == Rollback {
			if _, canary := s.Holder(Canary); !canary {
				version, _ := s.Find(last.Version)
				return version, nil
			}
		}
		return first("is a canary or in production", Canary, Production)
	}
	return Version{}, fmt.Errorf("%s needs a version: name one with --version, status lists them", o.Action)
}

// ForApproval returns the version that a person is asked to approve: the one of a number or a digest, else the canary, else
// the one in the test environment. By its digest a model may be approved that is in production already.
func (s State) ForApproval(number int64, digest string) (Version, error) {
	order := Order{Action: Promote, Version: number, Digest: digest}
	version, err := s.target(order, nil)
	if err == nil && version.Status != Canary && version.Status != Test && (digest == "" || version.Status != Production) {
		err = fmt.Errorf("version %d of %s is %s: what is approved is a canary or in the test environment", version.Number, s.Model, version.Status)
	}
	return version, err
}

// Decide says what an order does to a state: the record of it, or no record where all is done already. last is the
// newest record, nil where there is none.
func Decide(state State, last *Record, order Order, policy Policy) (record *Record, said string, err error) {
	if err := order.Check(); err != nil {
		return nil, "", err
	}
	if order.Action == Push {
		return decidePush(state, order)
	}
	version, err := state.target(order, last)
	if err != nil {
		return nil, "", err
	}
	d := decision{state: state, order: order, policy: policy, version: version, percent: state.CanaryPercent}
	switch order.Action {
	case DeployTest:
		err = d.deployTest()
	case SetCanary:
		err = d.canary()
	case Promote:
		err = d.promote()
	case Rollback:
		err = d.rollback()
	case Retire:
		err = d.retire()
	default:
		err = fmt.Errorf("%q is no action", order.Action)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s of %s %d refused: %w", order.Action, state.Model, version.Number, err)
	}
	if d.nothing != "" {
		return nil, d.nothing, nil
	}
	made := order.record(state, version)
	made.Changes, made.CanaryPercent = d.changes, d.percent
	if order.Action == Promote {
		made.Approvals = order.Approvals
	}
	return &made, made.Text(), nil
}

// record is what all records of an order say.
func (o Order) record(state State, version Version) Record {
	return Record{
		SchemaVersion: SchemaVersion, Sequence: state.Sequence + 1, Model: state.Model, Action: o.Action,
		Version: version.Number, Digest: version.Digest, CanaryPercent: state.CanaryPercent,
		By: strings.TrimSpace(o.By), At: o.At.UTC().Truncate(time.Second), StartedBy: strings.TrimSpace(o.StartedBy),
		Pipeline: o.Pipeline, Reason: o.Reason,
	}
}

// decidePush gives a model the next number, or finds the one that it has already.
func decidePush(state State, order Order) (*Record, string, error) {
	candidate := order.Candidate
	if !digestForm.MatchString(candidate.Digest) {
		return nil, "", fmt.Errorf("push refused: the model's digest is %.80q", candidate.Digest)
	}
	if len(candidate.Files) == 0 {
		return nil, "", errors.New("push refused: the model has no files")
	}
	for name, file := range candidate.Files {
		if !hashForm.MatchString(file.Sha256) || file.Size < 0 {
			return nil, "", fmt.Errorf("push refused: %s has the sha256 %.80q and %d bytes", name, file.Sha256, file.Size)
		}
	}
	if known, found := state.byDigest(candidate.Digest, Pushed, Test, Canary, Production); found {
		said := fmt.Sprintf("%s %d: this model was pushed already, it is %s", state.Model, known.Number, known.Status)
		if order.Version != 0 && order.Version != known.Number {
			// A pipeline that changed nothing about the model is no failure; that its number is not given is said.
			said += fmt.Sprintf("; there is no version %d of it", order.Version)
		}
		return nil, said, nil
	}
	number := state.next()
	if order.Version != 0 {
		if order.Version < number {
			return nil, "", fmt.Errorf("push of %s %d refused: versions up to %d are taken: want %d or more", state.Model, order.Version, number-1, number)
		}
		number = order.Version
	}
	version := Version{Number: number, Status: Pushed, Digest: candidate.Digest, Commit: candidate.Commit, Files: candidate.Files}
	made := order.record(state, version)
	made.Pushed = &version
	made.Changes = []Change{{number, None, Pushed, version.Digest}}
	return &made, made.Text(), nil
}
