package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"dagger/tensorflow-ci/servingconfig"
)

// Book is what a store knows of one model, and the only way to change it.
type Book struct {
	Store  Store
	Model  string
	Policy Policy
	// Verify opens the attestation that was pushed with a version; nil where no public key is given.
	Verify Verifier
	// Base is the folder or address in which servers find the store.
	Base string
	// Settle is how long servers need to load a version before a label can point at it.
	Settle time.Duration
	// Sleep waits; nil for the clock's way.
	Sleep func(context.Context, time.Duration) error
	// Say is told of what goes on beside what was asked for; nil for nobody.
	Say func(format string, args ...any)
}

// Do carries an order out, with the lock held, and says what it did. Where it returns an error, either nothing has
// changed or, after a failure of the store, the next call finishes what was begun.
func (b Book) Do(ctx context.Context, order Order, lineage map[string][]byte) (said string, err error) {
	if err := order.Check(); err != nil {
		return "", err
	}
	lock, err := acquire(ctx, b.Store, claim{By: order.By, Action: order.Action, Model: b.Model, Since: order.At}, b.sleep)
	if err != nil {
		return "", err
	}
	lock.keep(ctx)
	defer func() {
		if left := lock.release(ctx); left != nil && err == nil {
			said += "; " + left.Error()
		}
	}()
	locked := b
	locked.Store = guarded{b.Store, lock}
	return locked.do(ctx, order, lineage)
}

func (b Book) do(ctx context.Context, order Order, lineage map[string][]byte) (string, error) {
	state, last, err := b.recovered(ctx, order.Action)
	if err != nil {
		return "", err
	}
	if order.Proof, err = b.proof(ctx, state, last, order); err != nil {
		return "", err
	}
	record, said, err := Decide(state, last, order, b.Policy)
	if err == nil && record == nil && order.Action == Push {
		return b.repaired(ctx, state, said, order, lineage)
	}
	if err != nil || record == nil {
		return said, err
	}
	after, err := state.Apply(*record)
	if err != nil {
		return "", err
	}
	if order.Action == Push {
		if err := b.upload(ctx, *record.Pushed, lineage); err != nil {
			return "", err
		}
	} else if err := b.intact(ctx, state, *record); err != nil {
		return "", err
	}
	return said, b.carryOut(ctx, after, *record, false)
}

// carryOut writes what a record leads to.
func (b Book) carryOut(ctx context.Context, after State, record Record, written bool) error {
	now, err := b.configs(ctx)
	if err != nil {
		return err
	}
	writes, err := Plan(after, record, written, now, b.Base, b.Settle)
	if err != nil {
		return err
	}
	for _, write := range writes {
		if write.Settle > 0 {
			b.say("waiting %s for the servers to load what was pushed", write.Settle)
			if err := b.sleep(ctx, write.Settle); err != nil {
				return unfinished(record, err)
			}
		}
		if err := b.Store.Write(ctx, write.Name, write.Content); err != nil {
			return unfinished(record, fmt.Errorf("%s cannot be written: %w", write.Name, err))
		}
	}
	return nil
}

func unfinished(record Record, err error) error {
	return fmt.Errorf("%s of %s %d did not finish: %w; repeat the call, it goes on from here", record.Action, record.Model, record.Version, err)
}

// recovered returns the state and the last record, after it finished what a killed transition had begun.
func (b Book) recovered(ctx context.Context, action Action) (State, *Record, error) {
	state, last, pending, err := b.Look(ctx)
	var gap GapError
	if errors.As(err, &gap) && action == Rollback && gap.known {
		b.say("%v; rolling back all the same", err) // what serves comes before what is written
		err = nil
	}
	if err != nil {
		return State{}, nil, err
	}
	if pending == nil {
		return state, last, nil
	}
	b.say("finishing what was begun before: %s by %s at %s", pending.Text(), pending.By, moment(pending.At))
	after, err := state.Apply(*pending)
	if err != nil {
		return State{}, nil, err
	}
	return after, pending, b.carryOut(ctx, after, *pending, true)
}

// configs reads what the servers read.
func (b Book) configs(ctx context.Context) (Configs, error) {
	var now Configs
	for name, config := range map[string]*servingconfig.Config{
		servingconfig.FileName: &now.Production, path.Join(testFolder, servingconfig.FileName): &now.Test,
	} {
		text, err := b.Store.Read(ctx, name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err == nil {
			*config, err = servingconfig.Parse(string(text))
		}
		if err != nil {
			return Configs{}, fmt.Errorf("%s cannot be read: %w", name, err)
		}
	}
	return now, nil
}

// proof verifies the attestation of the version that goes on towards production; no proof for other actions.
func (b Book) proof(ctx context.Context, state State, last *Record, order Order) (Proof, error) {
	if order.Action != SetCanary && order.Action != Promote || b.Verify == nil {
		return Proof{}, nil
	}
	version, err := state.target(order, last)
	if err != nil {
		return Proof{}, nil // Decide says it
	}
	name := LineageName(b.Model, version.Number, attestationObject)
	envelope, err := b.Store.Read(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return Proof{}, fmt.Errorf("%s of %s %d refused: it has no attestation in the store (%s): push the output of a run that had --signing-key", order.Action, b.Model, version.Number, name)
	}
	if err != nil {
		return Proof{}, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	digest, passed, _, err := b.Verify(envelope)
	if err != nil {
		return Proof{}, fmt.Errorf("%s of %s %d refused: %w", order.Action, b.Model, version.Number, err)
	}
	return Proof{Digest: digest, GatePassed: passed}, nil
}

// upload puts a version's files and its lineage into the store, and reads all files back.
func (b Book) upload(ctx context.Context, version Version, lineage map[string][]byte) error {
	folder := versionFolder(b.Model, version.Number)
	if err := b.Store.Upload(ctx, folder); err != nil {
		return fmt.Errorf("the model cannot be uploaded to %s: %w; nothing points at what is there, repeat the call", folder, err)
	}
	if err := b.describe(ctx, version, lineage); err != nil {
		return err
	}
	return b.compare(ctx, version)
}

// describe puts the lineage of a version into the store.
func (b Book) describe(ctx context.Context, version Version, lineage map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(lineage)) {
		if err := b.Store.Write(ctx, LineageName(b.Model, version.Number, name), lineage[name]); err != nil {
			return fmt.Errorf("%s cannot be uploaded: %w; nothing points at what is there, repeat the call", name, err)
		}
	}
	return nil
}

func (b Book) say(format string, args ...any) {
	if b.Say != nil {
		b.Say(format, args...)
	}
}

func (b Book) sleep(ctx context.Context, d time.Duration) error {
	if b.Sleep != nil {
		return b.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
