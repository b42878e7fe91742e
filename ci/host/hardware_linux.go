package host

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// LookHardware reads it from /proc.
func LookHardware() Hardware {
	return Hardware{
		Processor: field(text("/proc/cpuinfo"), "model name"),
		Cores:     runtime.GOMAXPROCS(0),
		Memory:    kilobytes(field(text("/proc/meminfo"), "MemTotal")),
		Kernel:    strings.TrimSpace(text("/proc/sys/kernel/osrelease")),
	}
}

// Load is how many programs wanted to run, on the average of the last 1, 5 and 15 minutes.
func Load() [3]float64 {
	var load [3]float64
	for at, word := range strings.Fields(text("/proc/loadavg")) {
		if at == len(load) {
			break
		}
		load[at], _ = strconv.ParseFloat(word, 64) // the kernel writes numbers
	}
	return load
}

func text(path string) string {
	content, _ := os.ReadFile(path) // a system without the file has no such fact
	return string(content)
}

// field is the first value of that name in lines such as "MemTotal:  32 kB".
func field(lines, name string) string {
	for line := range strings.Lines(lines) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "32 kB" as bytes.
func kilobytes(value string) uint64 {
	count, _ := strconv.ParseUint(strings.TrimSuffix(value, " kB"), 10, 64)
	return count * 1024
}
