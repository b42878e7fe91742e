package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/setup"
)

// loopback is a small file system of its own, in a file.
type loopback struct {
	folder string // where it is mounted
	image  string
}

// mountLoopback makes a file system of a size in MiB. The file takes only the room that is used.
func mountLoopback(ctx context.Context, site *Site, name string, size int64) (*loopback, error) {
	disk := &loopback{folder: filepath.Join(site.Folder, name), image: filepath.Join(site.Folder, name+".img")}
	if err := os.MkdirAll(disk.folder, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(disk.image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(file.Truncate(size<<20), file.Close()); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"mkfs.ext4", "-q", "-m", "0", disk.image},
		{"mount", "-o", "loop", disk.image, disk.folder},
	} {
		if _, err := (proc.Command{Args: args}).Output(ctx); err != nil {
			os.Remove(disk.image)
			return nil, notDone{"a loopback file system cannot be made here: " + err.Error()}
		}
	}
	return disk, nil
}

// remove unmounts the file system and removes its file.
func (l *loopback) remove() error {
	err := (proc.Command{Args: []string{"umount", l.folder}}).Run(context.Background(), io.Discard)
	if err != nil { // something still uses it: it goes when that ends
		err = detach(l.folder)
	}
	return errors.Join(err, os.Remove(l.image), os.Remove(l.folder))
}

// ballast fills the file system but for some KiB; the path is to remove it by.
func (l *loopback) ballast(left int64) (string, error) {
	room, err := available(l.folder)
	if err != nil {
		return "", err
	}
	file, err := os.Create(filepath.Join(l.folder, "ballast"))
	if err != nil {
		return "", err
	}
	defer file.Close()
	if size := room - left<<10; size > 0 {
		err = allocate(file, size)
	}
	return file.Name(), err
}

// fullDisk writes the result to a disk that has no room for it.
func fullDisk(ctx context.Context, site *Site) (account Account, err error) {
	if err := site.prepare(ctx); err != nil {
		return Account{}, err
	}
	disk, err := mountLoopback(ctx, site, "disk", 64)
	if err != nil {
		return Account{}, err
	}
	defer func() { err = errors.Join(err, disk.remove()) }()
	ballast, err := disk.ballast(256)
	if err != nil {
		return Account{}, err
	}
	out := filepath.Join(disk.folder, "below", "out")
	project := filepath.Join(site.Machine.Repository, sample)
	run, err := site.start("run", project, "--out", out)
	if err != nil {
		return Account{}, err
	}
	defer run.stop()
	if account.Saw, err = run.ends(ctx, patience, 1, "no space left", "--out"); err != nil {
		return account, err
	}
	if err := whole(out, "nothing"); err != nil {
		return account, err
	}
	if err := os.Remove(ballast); err != nil {
		return account, err
	}
	account.Recover, err = site.recovered(ctx, project, out)
	return account, err
}

// fullEngine runs on a second engine, whose disk is nearly full.
func fullEngine(ctx context.Context, site *Site) (account Account, err error) {
	if err := ours(site); err != nil {
		return Account{}, err
	}
	if err := site.prepare(ctx); err != nil {
		return Account{}, err
	}
	const size, room = 12 << 10, 1 << 10 // MiB: of the file system, and of it while it is nearly full
	disk, err := mountLoopback(ctx, site, "engine-disk", size)
	if err != nil {
		return Account{}, err
	}
	defer func() { err = errors.Join(err, disk.remove()) }()
	ballast, err := disk.ballast(room << 10)
	if err != nil {
		return Account{}, err
	}
	const name = "tensorflow-ci-drill"
	remove, err := setup.SecondEngine(ctx, site.Machine.EngineContainer(), name, disk.folder)
	if err != nil {
		return Account{}, err
	}
	defer func() { err = errors.Join(err, remove(context.WithoutCancel(ctx))) }()
	database, err := site.Machine.ScanDatabase(ctx)
	if err != nil {
		return Account{}, err
	}
	project, out := filepath.Join(site.Machine.Repository, sample), filepath.Join(site.Folder, "engine-disk-result", "out")
	defer os.RemoveAll(filepath.Dir(out))
	call := func() (*started, error) {
		return start(site.Machine.Repository, []string{host.EngineVariable + "=container://" + name},
			site.program, "run", project, "--out", out, "--", "--set", "scan.database="+database)
	}
	run, err := call()
	if err != nil {
		return Account{}, err
	}
	defer run.stop()
	if account.Saw, err = run.ends(ctx, patience, 1, "no space left"); err != nil {
		return account, err
	}
	if err := whole(out, "nothing"); err != nil {
		return account, err
	}
	if err := os.Remove(ballast); err != nil {
		return account, err
	}
	account.Recover, err = timed(func() error {
		again, err := call()
		if err != nil {
			return err
		}
		defer again.stop()
		status, err := again.wait(ctx, patience)
		if err == nil && status != 0 {
			err = fmt.Errorf("the plain call, repeated, fails with exit status %d: %s", status, again.stderr.String())
		}
		return err
	})
	if err != nil {
		return account, err
	}
	made, err := look(out)
	if err != nil {
		return account, err
	}
	return account, site.right(made)
}
