package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// smiPath is where a container finds nvidia-smi, below its root file system.
const smiPath = "usr/bin/nvidia-smi"

// prestart copies the program at self into the container whose OCI state it reads.
func prestart(state io.Reader, self string) error {
	root, err := containerRoot(state)
	if err != nil {
		return fmt.Errorf("stand-in GPU hook: %w", err)
	}
	if err := install(self, root); err != nil {
		return fmt.Errorf("stand-in GPU hook: put nvidia-smi into %s: %w", root, err)
	}
	return nil
}

// containerRoot returns the root file system of the container whose OCI state it reads.
func containerRoot(state io.Reader) (string, error) {
	var container struct {
		Bundle string `json:"bundle"`
	}
	if err := json.NewDecoder(state).Decode(&container); err != nil {
		return "", fmt.Errorf("read the container's state from standard input: %w", err)
	}
	if container.Bundle == "" {
		return "", errors.New("the container's state names no bundle")
	}
	path := filepath.Join(container.Bundle, "config.json")
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the bundle: %w", err)
	}
	var config struct {
		Root struct {
			Path string `json:"path"`
		} `json:"root"`
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	if config.Root.Path == "" {
		return "", fmt.Errorf("%s names no root.path", path)
	}
	if filepath.IsAbs(config.Root.Path) {
		return config.Root.Path, nil
	}
	return filepath.Join(container.Bundle, config.Root.Path), nil
}

// install copies a program to [smiPath], and never follows a link of the container's out of its root.
func install(program, root string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.MkdirAll(filepath.Dir(smiPath), 0o755); err != nil {
		return err
	}
	if err := dir.Remove(smiPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return dir.WriteFile(smiPath, content, 0o755)
}
