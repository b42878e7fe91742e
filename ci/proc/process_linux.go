package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// errDetach tells why no process can outlive this program here; nil where it can.
var errDetach error

// Of identifies the process that has the id now.
func Of(pid int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	start, state, err := parseStat(string(stat))
	if err != nil {
		return Process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	if state == 'Z' || state == 'X' {
		return Process{}, fmt.Errorf("process %d has ended: %w", pid, os.ErrNotExist)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Process{}, err
	}
	return Process{PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, nil
}

// parseStat reads the start time and the state of /proc/PID/stat; the program's name may hold blanks and brackets.
func parseStat(stat string) (start uint64, state byte, err error) {
	const stateField, startField = 0, 19 // counted after the name
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("no program name in %q", stat)
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) <= startField {
		return 0, 0, fmt.Errorf("%d fields after the name, want more than %d", len(fields), startField)
	}
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	return start, fields[stateField][0], err
}
