package host

// Hardware is what a figure of time depends on. What a system does not tell stays empty.
type Hardware struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`  // that this program may use: fewer than the machine has, where a control group says so
	Memory    uint64 `json:"memory"` // bytes
	Kernel    string `json:"kernel"`
}
