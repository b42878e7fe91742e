package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory is a store in a map, whose writes can be cut off after some.
type memory struct {
	mu      sync.Mutex
	objects map[string]object
	model   map[string]string // what Upload brings
	clock   time.Time
	left    int // mutations until the power goes; negative for never
	writes  int // mutations so far
	yield   func()
}

type object struct {
	content  string
	modified time.Time
}

var errCut = errors.New("cut off by the test")

func newMemory() *memory {
	return &memory{objects: map[string]object{}, clock: start, left: -1}
}

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// clone is the same store at a fork of time, with its power back.
func (m *memory) clone() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &memory{objects: maps.Clone(m.objects), model: m.model, clock: m.clock, left: -1}
}

func (m *memory) pass(d time.Duration) *memory {
	m.clock = m.clock.Add(d)
	return m
}

func (m *memory) turn() {
	if m.yield != nil {
		m.yield()
	}
}

// spend is called before each mutation; the power that is gone does not come back.
func (m *memory) spend() error {
	if m.left == 0 {
		return errCut
	}
	m.left--
	m.writes++
	m.clock = m.clock.Add(time.Millisecond)
	return nil
}

func (m *memory) Read(_ context.Context, name string) ([]byte, error) {
	m.turn()
	m.mu.Lock()
	defer m.mu.Unlock()
	found, there := m.objects[name]
	if !there {
		return nil, ErrNotFound
	}
	return []byte(found.content), nil
}

func (m *memory) Write(_ context.Context, name string, content []byte) error {
	m.turn()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.spend(); err != nil {
		return err
	}
	m.objects[name] = object{string(content), m.clock}
	return nil
}

func (m *memory) Remove(_ context.Context, name string) error {
	m.turn()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.spend(); err != nil {
		return err
	}
	delete(m.objects, name)
	return nil
}

func (m *memory) List(_ context.Context, folder string) ([]Object, error) {
	m.turn()
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Object
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		if relative, below := strings.CutPrefix(name, folder+"/"); below {
			found = append(found, Object{relative, int64(len(m.objects[name].content)), m.objects[name].modified})
		}
	}
	return found, nil
}

func (m *memory) Hashes(_ context.Context, folder string) (map[string]string, error) {
	m.turn()
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]string{}
	for name, object := range m.objects {
		if relative, below := strings.CutPrefix(name, folder+"/"); below {
			found[relative] = hash(object.content)
		}
	}
	return found, nil
}

func (m *memory) Upload(_ context.Context, folder string) error {
	m.turn()
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.objects {
		if relative, below := strings.CutPrefix(name, folder+"/"); below && m.model[relative] == "" {
			if err := m.spend(); err != nil {
				return err
			}
			delete(m.objects, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.model)) {
		if err := m.spend(); err != nil {
			return err
		}
		m.objects[path.Join(folder, name)] = object{m.model[name], m.clock}
	}
	return nil
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// without is what lies in the store but for locks.
func (m *memory) without(folder string) map[string]string {
	kept := map[string]string{}
	for name, object := range m.objects {
		if !strings.HasPrefix(name, folder+"/") {
			kept[name] = object.content
		}
	}
	return kept
}

// model is a model of a letter: its files, and its candidate.
func model(letter string) (map[string]string, Candidate) {
	files := map[string]string{"saved_model.pb": "graph " + letter, "variables/variables.index": "index " + letter}
	candidate := Candidate{Digest: "sha256:" + strings.Repeat(letter, 64), Commit: letter, Files: map[string]File{}}
	for name, content := range files {
		candidate.Files[name] = File{int64(len(content)), hash(content)}
	}
	return files, candidate
}

// trust opens what the tests call an attestation: the digest, and whether the gate passed.
func trust(envelope []byte) (string, bool, string, error) {
	digest, verdict, found := strings.Cut(string(envelope), " ")
	if !found {
		return "", false, "", errors.New("the signature does not fit")
	}
	return digest, verdict == "passed", "", nil
}

var policy = Policy{Approvals: 1, Expiry: 24 * time.Hour, CanaryFirst: true}

func book(store Store) Book {
	return Book{
		Store: store, Model: "phishing", Policy: policy, Verify: trust, Base: "/models",
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// order fills in who and when.
func order(o Order) Order {
	o.By, o.At = "ann", start
	if o.Action == Rollback || o.Action == Retire {
		o.Reason = "because"
	}
	return o
}

// push brings the model of a letter, with its attestation; "a as 7" asks for a number.
func push(ctx context.Context, m *memory, b Book, letter string) (string, error) {
	letter, as, _ := strings.Cut(letter, " as ")
	number, _ := strconv.ParseInt(as, 10, 64)
	files, candidate := model(letter)
	m.model = files
	return b.Do(ctx, order(Order{Action: Push, Version: number, Candidate: candidate}), map[string][]byte{
		manifestObject: []byte("{}"), attestationObject: []byte(candidate.Digest + " passed"),
	})
}

// approved is an approval of the model of a letter.
func approved(letter, by string) []Approval {
	return []Approval{{SchemaVersion: 1, Model: "phishing", Digest: "sha256:" + strings.Repeat(letter, 64), By: by, At: start}}
}
