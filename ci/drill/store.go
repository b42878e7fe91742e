package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// storeFault is a fault of the store that models are released to.
type storeFault struct {
	name, fault string
	before      []string // what was done without it
	action      string   // what meets it
	// plant plants the fault; the port is of the rclone that meets it, undo takes the fault away.
	plant func(s *shop) (port int, undo func() error, err error)
	says  []string // words that the user must see; nothing for a fault that the call must withstand
	// repair is what a user is told to do before the call is repeated; nothing for most.
	repair string
	small  int64         // MiB of the disk that the store lies on, 0 for the machine's own
	within time.Duration // of the call that meets the fault
}

var toCanary = []string{"push a", "deploy-test", "promote a", "push b", "deploy-test"}

// storeDrills release to a store that fails.
func storeDrills() []Drill {
	var drills []Drill
	for _, fault := range []storeFault{
		{
			name: "store-gone", fault: "store unreachable (server killed)", before: toCanary, action: "canary 10",
			plant: killStore, says: []string{"the store cannot be reached"}, within: time.Minute,
		},
		{
			name: "store-slow", fault: "store slow (5 s per request)", before: toCanary, action: "canary 10",
			plant: slowStore, within: 15 * time.Minute,
		},
		{
			name: "store-full", fault: "store full (a loopback file system)", before: toCanary, action: "push c",
			plant: fillStore, says: []string{"the store is full"}, small: 32, within: 2 * time.Minute,
		},
		{
			name: "store-credentials", fault: "wrong credentials for the store", before: toCanary, action: "canary 10",
			plant: wrongCredentials, says: []string{"the store refuses the credentials"}, within: time.Minute,
		},
		{
			name: "store-object", fault: "object of the store deleted behind our back", before: toCanary, action: "canary 10",
			plant: deleteObject, says: []string{"variables/variables.index"}, repair: "push b", within: time.Minute,
		},
	} {
		drills = append(drills, Drill{Name: fault.name, Fault: fault.fault, run: fault.run})
	}
	return drills
}

func killStore(s *shop) (int, func() error, error) {
	syscall.Kill(-s.server.cmd.Process.Pid, syscall.SIGKILL)
	<-s.server.ended
	return s.ports.rclone, s.serve, nil
}

func slowStore(s *shop) (int, func() error, error) {
	s.delay.Store(int64(5 * time.Second))
	return s.ports.rclone, func() error { s.delay.Store(0); return nil }, nil
}

// fillStore leaves less room than a model needs.
func fillStore(s *shop) (int, func() error, error) {
	disk := loopback{folder: s.folder}
	ballast, err := disk.ballast(512)
	return s.ports.rclone, func() error { return os.Remove(ballast) }, err
}

func wrongCredentials(s *shop) (int, func() error, error) {
	port, rclone, err := s.startRclone("guessed")
	if err != nil {
		return 0, nil, err
	}
	return port, func() error { rclone.stop(); return nil }, nil
}

func deleteObject(s *shop) (int, func() error, error) {
	return s.ports.rclone, func() error { return nil }, os.Remove(s.object(shopModel + "/2/variables/variables.index"))
}

// run is the drill.
func (f storeFault) run(ctx context.Context, site *Site) (account Account, err error) {
	folder := filepath.Join(site.Folder, f.name)
	if f.small > 0 {
		disk, err := mountLoopback(ctx, site, f.name, f.small)
		if err != nil {
			return account, err
		}
		defer func() { err = errors.Join(err, disk.remove()) }()
	}
	shop, err := openShop(site, folder)
	if err != nil {
		return account, err
	}
	defer shop.close()
	for _, words := range f.before {
		if err := shop.do(ctx, shop.ports.rclone, words); err != nil {
			return account, fmt.Errorf("%s, without the fault: %w", words, err)
		}
	}
	before, err := shop.state()
	if err != nil {
		return account, err
	}
	port, undo, err := f.plant(shop)
	if err != nil {
		return account, err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, f.within, fmt.Errorf("it hangs: it did not end within %s", f.within))
	began := time.Now()
	said := shop.do(bounded, port, f.action)
	cancel()
	if account.Saw = fmt.Sprintf("nothing: the call ended well, after %.0f s", time.Since(began).Seconds()); said != nil {
		account.Saw = said.Error()
	}
	undone := undo()
	if err := errors.Join(undone, f.clear(said)); err != nil {
		return account, err
	}
	after, err := shop.state()
	if err == nil && said != nil && after != before {
		err = errors.New("the call failed, and the state in the store changed all the same")
	}
	if err != nil {
		return account, err
	}
	account.Recover, err = timed(func() error { return f.repeated(ctx, shop) })
	if err != nil {
		return account, err
	}
	return account, shop.complete(ctx, len(f.before)+1)
}

// clear holds what the user was told against what is wanted.
func (f storeFault) clear(said error) error {
	switch {
	case said == nil && len(f.says) == 0:
		return nil
	case said == nil:
		return errors.New("the call ends well, in spite of the fault")
	case len(f.says) == 0:
		return fmt.Errorf("the call fails: %w", said)
	case strings.Contains(said.Error(), shopSecret):
		return fmt.Errorf("the message holds the password: %w", said)
	}
	return clear("error: "+said.Error(), 1, 1, f.says)
}

// repeated repairs what the user was told to repair, and repeats the call.
func (f storeFault) repeated(ctx context.Context, s *shop) error {
	for _, words := range []string{f.repair, f.action} {
		if words == "" {
			continue
		}
		if err := s.do(ctx, s.ports.rclone, words); err != nil {
			return fmt.Errorf("%s, repeated: %w", words, err)
		}
	}
	return nil
}
