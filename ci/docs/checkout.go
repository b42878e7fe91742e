package docs

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
)

// Pages are the Markdown files of a checkout that people read for commands: those of the top and of docs/.
func Pages(root string) ([]string, error) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			name, err := filepath.Rel(root, path)
			if err != nil {
				return nil, err
			}
			pages = append(pages, name)
		}
	}
	slices.Sort(pages)
	if len(pages) == 0 {
		return nil, fmt.Errorf("%s holds no documentation", root)
	}
	return pages, nil
}

// Copy makes a Git repository in target of the files that Git knows in root, or would add: commands may change them there.
func Copy(ctx context.Context, root, target string) error {
	names, err := proc.Command{Args: []string{"git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"}}.Output(ctx)
	if err != nil {
		return err
	}
	for _, name := range strings.Split(names, "\x00") {
		if name == "" {
			continue
		}
		err := copyFile(filepath.Join(root, name), filepath.Join(target, name))
		if err != nil && !os.IsNotExist(err) { // removed, and Git has not been told yet
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "--all"},
		{"-c", "user.name=docs", "-c", "user.email=docs@localhost", "commit", "--quiet", "--message", "a copy"},
	} {
		if _, err := (proc.Command{Args: append([]string{"git", "-C", target}, args...)}).Output(ctx); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}
