package drill

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/proc"
)

// cacheVolume is a package cache of the drill's own: nobody else's is damaged.
const cacheVolume = "tensorflow-ci-drill"

// sampleImage is the sample project's: the engine has it.
const sampleImage = "tensorflow/tensorflow:2.21.0"

// damage overwrites the middle of every unpacked file in uv's cache, as a disk that lost power leaves them, and prints how many.
const damage = `
import pathlib
count = 0
for path in pathlib.Path("/packages/uv").glob("archive-v*/**/*"):
    if path.is_file() and path.stat().st_size > 100:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(bytes(40))
        count += 1
print("damaged", count)
`

// corruptedCache fills a package cache by a run, damages it, and runs a project that has to install again.
func corruptedCache(ctx context.Context, site *Site) (Account, error) {
	if err := ours(site); err != nil {
		return Account{}, err
	}
	if err := site.prepare(ctx); err != nil {
		return Account{}, err
	}
	var projects []string
	for range 3 {
		project, err := site.project(installing)
		if err != nil {
			return Account{}, err
		}
		defer os.RemoveAll(project)
		projects = append(projects, project)
	}
	with := []string{"--", "--cache", cacheVolume}
	if _, err := site.recovered(ctx, projects[0], site.out, with...); err != nil {
		return Account{}, fmt.Errorf("to fill the cache: %w", err)
	}
	count, err := damageCache(ctx, site)
	if err != nil {
		return Account{}, err
	}
	if count == 0 {
		return Account{}, fmt.Errorf("the cache held nothing that could be damaged")
	}
	run, err := site.startRun(projects[1], with...)
	if err != nil {
		return Account{}, err
	}
	defer run.stop()
	account := Account{}
	if account.Saw, err = run.ends(ctx, patience, 0); err != nil {
		return account, err
	}
	made, err := look(site.out)
	if err != nil {
		return account, err
	}
	if err := site.right(made); err != nil {
		return account, err
	}
	log, err := os.ReadFile(site.log())
	if err != nil {
		return account, err
	}
	const note = "the package cache is damaged"
	if !strings.Contains(string(log), "| "+note) {
		return account, fmt.Errorf("%d files were damaged, and the log does not say %q", count, note)
	}
	account.Saw = "nothing: the run ended well; in the log: " + note
	account.Recover, err = site.recovered(ctx, projects[2], site.out, with...)
	return account, err
}

var damaged = regexp.MustCompile(`damaged (\d+)`)

// damageCache damages the unpacked packages in the cache, and says how many files.
func damageCache(ctx context.Context, site *Site) (int, error) {
	call := proc.Command{
		Args: []string{
			site.Machine.CLI(), "--progress=plain", "core", "container", "from", "--address=" + sampleImage,
			"with-env-variable", "--name=DRILL", "--value=" + time.Now().String(), // the damage is done now, not found among results
			"with-mounted-cache", "--path=/packages", "--cache=" + cacheVolume,
			"with-new-file", "--path=/damage.py", "--contents=" + damage,
			"with-exec", "--args=python3,/damage.py", "stdout",
		},
		Env: slices.Concat(dagger.Plain, site.Machine.Environment()),
	}
	answer, err := call.Output(ctx)
	if err != nil {
		return 0, err
	}
	count := damaged.FindStringSubmatch(answer)
	if count == nil {
		return 0, fmt.Errorf("the engine does not say how much was damaged: %s", answer)
	}
	return strconv.Atoi(count[1])
}
