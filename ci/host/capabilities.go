package host

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// Capabilities is the set that this process, and with it everything it starts, can have at most.
type Capabilities uint64

// names of the capabilities, by their bit. Docker 20.10 does not know the last three.
var names = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

const knownToDocker = 38

// All tells whether nothing is withheld: only then can Docker give a container all of them.
func (c Capabilities) All() bool { return len(c.Missing()) == 0 }

// Missing names the capabilities that are withheld.
func (c Capabilities) Missing() []string { return c.pick(len(names), false) }

// Grantable names those that Docker can be asked to give, one by one.
func (c Capabilities) Grantable() []string { return c.pick(knownToDocker, true) }

func (c Capabilities) pick(upTo int, held bool) []string {
	var picked []string
	for bit, name := range names[:upTo] {
		if (c&(1<<bit) != 0) == held {
			picked = append(picked, name)
		}
	}
	return picked
}

// ownCapabilities reads the bounding set; a system without one withholds nothing.
func ownCapabilities() Capabilities {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return ^Capabilities(0)
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if value, found := strings.CutPrefix(scanner.Text(), "CapBnd:"); found {
			return parseCapabilities(value)
		}
	}
	return ^Capabilities(0)
}

func parseCapabilities(hexadecimal string) Capabilities {
	bits, err := strconv.ParseUint(strings.TrimSpace(hexadecimal), 16, 64)
	if err != nil {
		return ^Capabilities(0)
	}
	return Capabilities(bits)
}
