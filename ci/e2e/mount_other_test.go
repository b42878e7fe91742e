//go:build e2e && !linux

package e2e

import "testing"

// mount leaves a test out that needs a file system of its own.
func mount(t *testing.T, _, _ string) {
	t.Helper()
	t.Skip("a file system of our own can be mounted only on Linux")
}
