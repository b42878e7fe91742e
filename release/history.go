package release

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

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
