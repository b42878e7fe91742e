package host

import "testing"

func TestNumber(t *testing.T) {
	for raw, want := range map[string]uint64{"": 0, "\x01": 1, "\x00\x00\x00\x00\x04\x00\x00": 16 << 30} {
		if got := number(raw); got != want {
			t.Errorf("%q: %d, want %d", raw, got, want)
		}
	}
}
