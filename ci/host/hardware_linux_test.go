package host

import "testing"

func TestHardware(t *testing.T) {
	const lines = "processor\t: 0\nmodel name\t: Processor: X\n\nmodel name\t: second\nMemTotal:       16 kB\n"
	for name, want := range map[string]string{"model name": "Processor: X", "MemTotal": "16 kB", "Mem": "", "": ""} {
		if got := field(lines, name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for value, want := range map[string]uint64{"16 kB": 16384, "": 0, "much": 0} {
		if got := kilobytes(value); got != want {
			t.Errorf("%q: %d", value, got)
		}
	}
	if got := LookHardware(); got.Cores < 1 {
		t.Errorf("hardware %+v", got)
	}
}
