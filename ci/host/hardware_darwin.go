package host

import (
	"encoding/binary"
	"runtime"
	"syscall"
)

// LookHardware asks the kernel for it.
func LookHardware() Hardware {
	return Hardware{
		Processor: sysctl("machdep.cpu.brand_string"),
		Cores:     runtime.GOMAXPROCS(0),
		Memory:    number(sysctl("hw.memsize")),
		Kernel:    sysctl("kern.osrelease"),
	}
}

// Load is not known: the kernel gives it as a C structure.
func Load() [3]float64 { return [3]float64{} }

func sysctl(name string) string {
	value, _ := syscall.Sysctl(name) // a kernel without the name has no such fact
	return value
}

// number reads eight bytes, of which the last was taken for the end of a text where it is zero.
func number(raw string) uint64 {
	var bytes [8]byte
	copy(bytes[:], raw)
	return binary.LittleEndian.Uint64(bytes[:])
}
