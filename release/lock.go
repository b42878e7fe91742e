package release

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"
)

// Lock lets one transition at a time change a store, by nothing but objects that are written and listed.
//
// Who wants the lock writes an object of its own and then lists all: who sees no other holds it, since whoever comes
// later sees this one. Of several that come at the same moment the one with the lowest name stays, and holds the lock
// when the others are gone; they, and all who see a holder, withdraw. A holder that was killed is outlived by a lease,
// counted by the store's own clock.
type Lock struct {
	store Store
	name  string
	claim claim
	lease time.Duration

	mu      sync.Mutex
	renewed time.Time
	stop    context.CancelFunc
	stopped chan struct{}
}

// claim is what a lock's object says.
type claim struct {
	By     string    `json:"by"`
	Action Action    `json:"action"`
	Model  string    `json:"model"`
	Since  time.Time `json:"since"`
	Holds  bool      `json:"holds"` // false while it is only wanted
}

// Lease is how long a killed transition keeps others out.
const Lease = 2 * time.Minute

const (
	claimPause = 250 * time.Millisecond // between looks at others that came at the same moment
	claimLooks = 20
)

// BusyError says that another transition is running.
type BusyError struct{ claim claim }

func (b BusyError) Error() string {
	return fmt.Sprintf("another transition is running: %s of %s by %s since %s; one at a time changes a store, repeat this when it has ended (one that was killed is outlived after %s)",
		b.claim.Action, b.claim.Model, b.claim.By, moment(b.claim.Since), Lease)
}

// acquire takes the lock or returns a BusyError; nothing of it stays in the store when it fails.
func acquire(ctx context.Context, store Store, want claim, sleep func(context.Context, time.Duration) error) (*Lock, error) {
	lock := &Lock{store: store, name: path.Join(locksFolder, rand.Text()+".json"), claim: want, lease: Lease}
	err := lock.take(ctx, sleep)
	if err == nil {
		return lock, nil
	}
	known := !lock.renewed.IsZero() // it was written; where that failed it may be there all the same
	// also when the context has ended: a lock that is left stops everybody for the lease
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if left := store.Remove(bounded, lock.name); left != nil && known {
		return nil, errors.Join(err, fmt.Errorf("%s is left in the store, until %s from now it keeps others out: %w", lock.name, Lease, left))
	}
	return nil, err
}

func (l *Lock) take(ctx context.Context, sleep func(context.Context, time.Duration) error) error {
	if err := l.write(ctx); err != nil {
		return err
	}
	var other claim
	for range claimLooks {
		others, err := l.others(ctx)
		if err != nil {
			return err
		}
		if len(others) == 0 {
			l.claim.Holds = true
			return l.write(ctx)
		}
		wait := true
		for name, found := range others {
			other = found
			wait = wait && !found.Holds && l.name < name
		}
		if !wait {
			return BusyError{other}
		}
		if err := sleep(ctx, claimPause); err != nil {
			return err
		}
	}
	return BusyError{other}
}

// others are the claims that are there beside this one, without those whose lease is over, which it removes.
func (l *Lock) others(ctx context.Context) (map[string]claim, error) {
	objects, err := l.store.List(ctx, locksFolder)
	if err != nil {
		return nil, fmt.Errorf("the locks cannot be listed: %w", err)
	}
	var now time.Time
	for _, object := range objects {
		if path.Join(locksFolder, object.Name) == l.name {
			now = object.Modified
		}
	}
	if now.IsZero() {
		return nil, errors.New("the lock that was just written is not listed: the store does not show what was written, or somebody removes objects from it")
	}
	found := map[string]claim{}
	for _, object := range objects {
		name := path.Join(locksFolder, object.Name)
		if name == l.name {
			continue
		}
		if now.Sub(object.Modified) > l.lease {
			if err := l.store.Remove(ctx, name); err != nil {
				return nil, fmt.Errorf("a lock that is outlived cannot be removed: %w", err)
			}
			continue
		}
		text, err := l.store.Read(ctx, name)
		if errors.Is(err, ErrNotFound) {
			continue // it withdrew since the list was made
		}
		if err != nil {
			return nil, fmt.Errorf("a lock cannot be read: %w", err)
		}
		other := claim{Holds: true} // also what nobody can read keeps out, for its lease
		if err := decode(text, &other); err != nil {
			other = claim{By: "an unreadable " + name, Since: object.Modified, Holds: true}
		}
		found[name] = other
	}
	return found, nil
}

// write makes or renews the claim.
func (l *Lock) write(ctx context.Context) error {
	began := time.Now()
	if err := l.store.Write(ctx, l.name, encode(l.claim)); err != nil {
		return fmt.Errorf("the lock cannot be written: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed = began
	return nil
}

// keep renews the lock in the background until it is released.
func (l *Lock) keep(ctx context.Context) {
	ctx, l.stop = context.WithCancel(ctx)
	l.stopped = make(chan struct{})
	go func() {
		defer close(l.stopped)
		tick := time.NewTicker(l.lease / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if l.valid() != nil {
				return // once lost, somebody else may hold it: never renewed
			}
			_ = l.write(ctx) // the next write of the transition looks at the age
		}
	}()
}

// valid tells whether the lock still keeps others out, with time for one more write.
func (l *Lock) valid() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := time.Since(l.renewed); age > l.lease*2/3 {
		return fmt.Errorf("the lock could not be renewed for %s and may be lost: nothing more is written; repeat the call, it goes on from here", age.Round(time.Second))
	}
	return nil
}

// release gives the lock back.
func (l *Lock) release(ctx context.Context) error {
	if l.stop != nil {
		l.stop()
		<-l.stopped
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := l.store.Remove(bounded, l.name); err != nil {
		return fmt.Errorf("the lock cannot be removed, for %s it keeps others out: %w", Lease, err)
	}
	return nil
}

// guarded writes only while the lock keeps others out.
type guarded struct {
	Store
	lock *Lock
}

func (g guarded) Write(ctx context.Context, name string, content []byte) error {
	if err := g.lock.valid(); err != nil {
		return err
	}
	return g.Store.Write(ctx, name, content)
}

func (g guarded) Upload(ctx context.Context, folder string) error {
	if err := g.lock.valid(); err != nil {
		return err
	}
	return g.Store.Upload(ctx, folder)
}
