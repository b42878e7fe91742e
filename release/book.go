package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
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

// GapError says that records of the history are missing.
type GapError struct {
	names []string
	known bool // what they led to is in state.json
}

func (g GapError) Error() string {
	return fmt.Sprintf("the history has lost %s: somebody removed what is only ever added to; restore it from a copy or an older version of the object, then repeat this",
		strings.Join(g.names, ", "))
}

// Look reads the state, the last record that it knows, and one that it does not know yet: of a transition that was killed
// before it was finished. It changes nothing.
func (b Book) Look(ctx context.Context) (state State, last, pending *Record, err error) {
	newest, gap, err := b.newest(ctx)
	if err != nil {
		return State{}, nil, nil, err
	}
	name := stateName(b.Model)
	text, err := b.Store.Read(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		// The history alone says everything.
		state = State{SchemaVersion: SchemaVersion, Model: b.Model}
		if gap != nil {
			return State{}, nil, nil, *gap
		}
	case err != nil:
		return State{}, nil, nil, fmt.Errorf("%s cannot be read: %w", name, err)
	default:
		if state, err = readState(name, text, b.Model); err != nil {
			return State{}, nil, nil, err
		}
	}
	if lost := missing(newest+1, state.Sequence, nil); gap == nil && lost != nil {
		gap = &GapError{names: lost}
	}
	if gap != nil {
		gap.known = newest <= state.Sequence
		return state, nil, nil, *gap
	}
	for number := max(1, state.Sequence); number <= newest; number++ {
		record, err := b.record(ctx, number)
		if err != nil {
			return State{}, nil, nil, err
		}
		switch {
		case number == state.Sequence:
			last = &record
		case number == newest:
			pending = &record
		default: // the state is older than a record that another followed
			if state, err = state.Apply(record); err != nil {
				return State{}, nil, nil, err
			}
			last = &record
		}
	}
	return state, last, pending, nil
}

// newest is the number of the newest record, and which before it are missing.
func (b Book) newest(ctx context.Context) (int, *GapError, error) {
	objects, err := b.Store.List(ctx, historyFolder(b.Model))
	if err != nil {
		return 0, nil, fmt.Errorf("the history of %s cannot be listed: %w", b.Model, err)
	}
	there := map[int]bool{}
	newest := 0
	for _, object := range objects {
		var number int
		if _, err := fmt.Sscanf(object.Name, "%d.json", &number); err == nil && object.Name == historyName(number) {
			there[number] = true
			newest = max(newest, number)
		}
	}
	if lost := missing(1, newest, there); lost != nil {
		return newest, &GapError{names: lost}, nil
	}
	return newest, nil, nil
}

// missing names the records from one number to another that are not there.
func missing(from, to int, there map[int]bool) []string {
	var names []string
	for number := from; number <= to; number++ {
		if !there[number] {
			names = append(names, historyName(number))
		}
	}
	return names
}

func (b Book) record(ctx context.Context, number int) (Record, error) {
	name := path.Join(historyFolder(b.Model), historyName(number))
	text, err := b.Store.Read(ctx, name)
	if err != nil {
		return Record{}, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	return readRecord(name, text)
}

// History returns all records, from the first; its error says where they do not lead to the state.
func (b Book) History(ctx context.Context) ([]Record, error) {
	state, _, pending, err := b.Look(ctx)
	if err != nil {
		return nil, err
	}
	var records []Record
	total := state.Sequence
	if pending != nil {
		total++
	}
	for number := 1; number <= total; number++ {
		record, err := b.record(ctx, number)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	folded, err := Fold(b.Model, records[:state.Sequence])
	if err == nil && string(encode(folded)) != string(encode(state)) {
		err = fmt.Errorf("%s is not what the history leads to: one of them was changed by hand", stateName(b.Model))
	}
	return records, err
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

// intact refuses to put a version into service whose files are not those that were pushed. A rollback, which cannot wait,
// looks at names and sizes alone.
func (b Book) intact(ctx context.Context, state State, record Record) error {
	for _, change := range record.Changes {
		version, _ := state.Find(change.Version)
		switch {
		case change.To != Test && change.To != Canary && change.To != Production:
		case record.Action == Rollback:
			if err := b.present(ctx, version); err != nil {
				return fmt.Errorf("%s of %s %d refused: %w", record.Action, b.Model, record.Version, err)
			}
		default:
			if err := b.compare(ctx, version); err != nil {
				return fmt.Errorf("%s of %s %d refused: %w", record.Action, b.Model, record.Version, err)
			}
		}
	}
	return nil
}

// repaired is what a push does for a model that was pushed already: files that are not what they were, and lineage that
// was missing, are put back.
func (b Book) repaired(ctx context.Context, state State, said string, order Order, lineage map[string][]byte) (string, error) {
	version, _ := state.byDigest(order.Candidate.Digest, Pushed, Test, Canary, Production)
	absent := map[string][]byte{}
	for name, content := range lineage {
		_, err := b.Store.Read(ctx, LineageName(b.Model, version.Number, name))
		if errors.Is(err, ErrNotFound) {
			absent[name] = content
		} else if err != nil {
			return "", fmt.Errorf("%s of version %d cannot be read: %w", name, version.Number, err)
		}
	}
	damaged := b.compare(ctx, version)
	switch {
	case damaged != nil:
		said += "; its files in the store were not what was pushed and are put back"
		// What is put back must be what the record says, which another training of an equal model need not be.
		version.Files = order.Candidate.Files
		if known, _ := state.Find(version.Number); !maps.Equal(known.Files, version.Files) {
			return "", fmt.Errorf("push of %s %d refused: %w; this model is equal to it, its files are not: push the output of the same run", b.Model, version.Number, damaged)
		}
		return said, b.upload(ctx, version, absent)
	case len(absent) > 0:
		said += "; put beside it: " + strings.Join(slices.Sorted(maps.Keys(absent)), ", ")
		return said, b.describe(ctx, version, absent)
	}
	return said, nil
}

// compare reads a version's files whole.
func (b Book) compare(ctx context.Context, version Version) error {
	hashes, err := b.Store.Hashes(ctx, versionFolder(b.Model, version.Number))
	if err != nil {
		return fmt.Errorf("the files of version %d cannot be read back: %w", version.Number, err)
	}
	wanted, found := map[string]string{}, map[string]string{}
	for name, file := range version.Files {
		wanted[name] = file.Sha256
	}
	maps.Copy(found, hashes)
	return difference(version.Number, wanted, found)
}

// present looks whether a version's files are there, in their sizes.
func (b Book) present(ctx context.Context, version Version) error {
	objects, err := b.Store.List(ctx, versionFolder(b.Model, version.Number))
	if err != nil {
		return fmt.Errorf("the files of version %d cannot be listed: %w", version.Number, err)
	}
	wanted, found := map[string]string{}, map[string]string{}
	for name, file := range version.Files {
		wanted[name] = fmt.Sprint(file.Size)
	}
	for _, object := range objects {
		found[object.Name] = fmt.Sprint(object.Size)
	}
	return difference(version.Number, wanted, found)
}

func difference(version int64, wanted, found map[string]string) error {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if got, there := found[name]; !there {
			wrong = append(wrong, name+" is gone")
		} else if got != wanted[name] {
			wrong = append(wrong, name+" has another content")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, known := wanted[name]; !known {
			wrong = append(wrong, name+" was added")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	const most = 5
	if more := len(wrong) - most; more > 0 {
		wrong = append(wrong[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("the files of version %d in the store are not those that were pushed: %s; push the model again", version, strings.Join(wrong, ", "))
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
