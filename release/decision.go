package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// decision is an order on its way: each method is one row of the table of transitions.
type decision struct {
	state   State
	order   Order
	policy  Policy
	version Version
	changes []Change
	percent int
	nothing string // says that there is nothing to do
}

func (d *decision) move(version Version, to Status) {
	d.changes = append(d.changes, Change{version.Number, version.Status, to, version.Digest})
}

func (d *decision) done(format string, args ...any) error {
	d.nothing = fmt.Sprintf("%s %d: ", d.state.Model, d.version.Number) + fmt.Sprintf(format, args...) + ", nothing to do"
	return nil
}

// from refuses a version that is in none of these states.
func (d *decision) from(allowed ...Status) error {
	if slices.Contains(allowed, d.version.Status) {
		return nil
	}
	words := make([]string, len(allowed))
	for at, status := range allowed {
		words[at] = string(status)
	}
	return fmt.Errorf("it is %s, and %s starts from %s", d.version.Status, d.order.Action, strings.Join(words, " or "))
}

// further tells that a model which is ordered by its digest is beyond what is ordered.
func (d *decision) further(statuses ...Status) bool {
	return d.order.Digest != "" && slices.Contains(statuses, d.version.Status)
}

// proven refuses a model for which no signature vouches.
func (d *decision) proven() error {
	switch proof := d.order.Proof; {
	case proof.Digest == "":
		return errors.New("no signed attestation of it was verified: give --public-key, and push the output of a run that had --signing-key")
	case proof.Digest != d.version.Digest:
		return fmt.Errorf("its attestation is of another model, %s; this is %s", proof.Digest, d.version.Digest)
	case !proof.GatePassed:
		return errors.New("its attestation says that its gate did not pass: it cannot go further")
	}
	return nil
}

func (d *decision) deployTest() error {
	if d.version.Status == Test {
		return d.done("it is in the test environment")
	}
	if d.further(Canary, Production) {
		return d.done("it is past the test environment (%s)", d.version.Status)
	}
	if err := d.from(Pushed, RolledBack); err != nil {
		return err
	}
	if tested, found := d.state.Holder(Test); found {
		d.move(tested, Pushed)
	}
	d.move(d.version, Test)
	return nil
}

func (d *decision) canary() error {
	if d.further(Production) {
		return d.done("it is in production")
	}
	percent := d.order.Percent
	_, shared := d.state.Holder(Production)
	if !shared && d.order.FirstTakesAll {
		percent = 100
	}
	if d.version.Status == Canary && d.state.CanaryPercent == percent {
		return d.done("it is the canary with %d %% of the traffic", percent)
	}
	if err := d.from(Test, Canary); err != nil {
		return err
	}
	if other, found := d.state.Holder(Canary); found && other.Number != d.version.Number {
		return fmt.Errorf("version %d is the canary: promote it or roll it back first", other.Number)
	}
	if !shared && percent != 100 {
		return fmt.Errorf("nothing is in production that could take the other %d %% of the traffic: promote this version, or canary it at 100 %%", 100-percent)
	}
	if err := d.proven(); err != nil {
		return err
	}
	d.percent = percent
	if d.version.Status != Canary {
		d.move(d.version, Canary)
	}
	return nil
}

func (d *decision) promote() error {
	if d.version.Status == Production {
		return d.done("it is in production")
	}
	if err := d.from(Canary, Test); err != nil {
		return err
	}
	before, replaces := d.state.Holder(Production)
	canary, found := d.state.Holder(Canary)
	switch {
	case found && canary.Number != d.version.Number:
		return fmt.Errorf("version %d is the canary: promote it or roll it back first", canary.Number)
	case !found && replaces && d.policy.CanaryFirst:
		return fmt.Errorf("it was no canary, and version %d is in production: canary first (release.canary-percent: 0 says that this project has none)", before.Number)
	}
	if err := d.proven(); err != nil {
		return err
	}
	if err := d.policy.accept(d.state, d.version, d.order); err != nil {
		return err
	}
	if replaces {
		d.move(before, Retired)
	}
	d.move(d.version, Production)
	d.percent = 0
	return nil
}

func (d *decision) rollback() error {
	switch d.version.Status {
	case RolledBack:
		return d.done("it is rolled back (to go back further, name the version with --version)")
	case Retired:
		return errors.New("it is retired: there is nothing to roll back")
	case Canary:
		d.percent = 0
	case Production:
		// A canary was measured against what goes now.
		if canary, found := d.state.Holder(Canary); found {
			return fmt.Errorf("version %d is the canary beside it: roll that back first", canary.Number)
		}
		before, found := d.state.Find(d.version.Replaced)
		if !found || before.Status != Retired {
			return errors.New("there is no version to go back to: it was the first in production; retire takes it out of service")
		}
		d.move(d.version, RolledBack)
		d.move(before, Production)
		return nil
	}
	d.move(d.version, RolledBack)
	return nil
}

func (d *decision) retire() error {
	switch d.version.Status {
	case Retired:
		return d.done("it is retired")
	case Canary:
		return errors.New("it is the canary: roll it back first")
	case Production:
		if canary, found := d.state.Holder(Canary); found {
			return fmt.Errorf("version %d is the canary and would lose what takes the other traffic: promote it or roll it back first", canary.Number)
		}
	}
	d.move(d.version, Retired)
	return nil
}
