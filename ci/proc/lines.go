package proc

import (
	"bytes"
	"sync"
)

// Lines is an output that can be read while it is written.
type Lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the output.
func (l *Lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

// String is all that was written so far.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
