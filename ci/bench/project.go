package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// project is a copy of the sample project, whose files are changed as a person would.
type project struct {
	folder string
	// requirements as they were: each change begins from them, so that the tenth is as large as the first
	requirements []byte
}

// extraPackage is one that nothing in the sample project or in the images has, small and written in Python alone: what is
// measured is a change of the requirements, not the size of what they ask for.
const extraPackage = "tabulate==0.9.0"

func copyProject(root, folder string) (*project, error) {
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, "testdata", "phishing"))); err != nil {
		return nil, err
	}
	requirements, err := os.ReadFile(filepath.Join(folder, "requirements.txt"))
	return &project{folder: folder, requirements: requirements}, err
}

// changeCode gives train.py bytes that no cache knows.
func (p *project) changeCode(context.Context) error {
	script, err := os.OpenFile(filepath.Join(p.folder, "train.py"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer script.Close()
	_, err = fmt.Fprintln(script, remark())
	return err
}

// changeRequirements asks for one package more.
func (p *project) changeRequirements(context.Context) error {
	return p.require(extraPackage + "\n" + remark())
}

// changeAll leaves the project as it was, and nothing of it known to any cache.
func (p *project) changeAll(ctx context.Context) error {
	if err := p.require(remark()); err != nil {
		return err
	}
	return p.changeCode(ctx)
}

func (p *project) require(more string) error {
	return os.WriteFile(filepath.Join(p.folder, "requirements.txt"), fmt.Appendf(nil, "%s%s\n", p.requirements, more), 0o644)
}

// remark is a comment that was never written before.
func remark() string { return fmt.Sprintf("# %d", time.Now().UnixNano()) }
