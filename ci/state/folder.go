// Package state keeps what one run of the program must know of the runs before it, in the user's cache directory.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
)

// Name of the folder in the user's cache directory.
const Name = "tensorflow-ci"

// Folder is the state on disk. Every file in it is replaced as a whole, so that an interruption leaves old or new.
type Folder struct {
	path string
}

// Locate names the folder without making it.
func Locate() (Folder, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return Folder{}, fmt.Errorf("no place for the cache: %w; set HOME or XDG_CACHE_HOME to a writable directory", err)
	}
	return At(filepath.Join(cache, Name)), nil
}

// At is the state that lies in a given folder.
func At(path string) Folder { return Folder{path: path} }

// Make makes the folder where it is missing.
func (f Folder) Make() error {
	if err := os.MkdirAll(f.path, 0o755); err != nil {
		return fmt.Errorf("cannot make the state folder: %w; set XDG_CACHE_HOME to a writable directory", err)
	}
	return nil
}

// Path is a place in the folder.
func (f Folder) Path(elements ...string) string {
	return filepath.Join(append([]string{f.path}, elements...)...)
}

// Log is the file that holds the output of the last run of a step or a service.
func (f Folder) Log(name string) string { return f.Path("logs", name+".log") }

// Key is the hash of the inputs that a step's result was made from; "" when there is none.
func (f Folder) Key(step string) string {
	text, err := os.ReadFile(f.Path("keys", step))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// SetKey records that a step's result was made from inputs of this hash; "" forgets it.
func (f Folder) SetKey(step, key string) error {
	if key == "" {
		return missingIsFine(os.Remove(f.Path("keys", step)))
	}
	return f.write([]byte(key+"\n"), "keys", step)
}

// Process is what was recorded under the name; the zero Process, which is not alive, when nothing was.
func (f Folder) Process(name string) proc.Process {
	var process proc.Process
	text, err := os.ReadFile(f.Path("processes", name+".json"))
	if err != nil || json.Unmarshal(text, &process) != nil {
		return proc.Process{}
	}
	return process
}

// SetProcess records a process that will outlive this program.
func (f Folder) SetProcess(name string, process proc.Process) error {
	text, err := json.Marshal(process)
	if err != nil {
		return err
	}
	return f.write(append(text, '\n'), "processes", name+".json")
}

// ForgetProcess removes the record of a process that was stopped.
func (f Folder) ForgetProcess(name string) error {
	return missingIsFine(os.Remove(f.Path("processes", name+".json")))
}

// AddImage records the id of an image that was made; steps that run side by side may do so at once.
func (f Folder) AddImage(id string) error {
	file, err := os.OpenFile(f.Path("images.txt"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(id + "\n")
	return errors.Join(err, file.Close())
}

// Images are the recorded ids, each once, in the order in which the images were made.
func (f Folder) Images() []string {
	text, err := os.ReadFile(f.Path("images.txt"))
	if err != nil {
		return nil
	}
	var ids []string
	for id := range strings.FieldsSeq(string(text)) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Remove deletes the folder and everything in it.
func (f Folder) Remove() error { return os.RemoveAll(f.path) }

func (f Folder) write(content []byte, elements ...string) error {
	path := f.Path(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(fresh, content, 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

func missingIsFine(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
