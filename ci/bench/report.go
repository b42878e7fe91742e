package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"dagger/tensorflow-ci/ci/host"
)

// Machine is where the figures were made: without it they say nothing.
type Machine struct {
	host.Hardware
	Docker string     `json:"docker"` // version of the daemon
	Dagger string     `json:"dagger"` // version of the engine
	Load   [3]float64 `json:"load"`   // of the last 1, 5 and 15 minutes, when the first measurement began
	Date   time.Time  `json:"date"`
}

// Report is all that a run of measurements found out.
type Report struct {
	Machine Machine  `json:"machine"`
	Figures []Figure `json:"measurements"`
	Results []Result `json:"ratios"`
}

// JSON is the report for machines.
func (r Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Write prints the report for people: the machine, the measurements, and what follows from them.
func (r Report) Write(out io.Writer) error {
	m := r.Machine
	fmt.Fprintf(out, "%s, %d cores, %s of memory, Linux %s, Docker %s, Dagger %s\n",
		m.Processor, m.Cores, host.Gigabytes(m.Memory), m.Kernel, m.Docker, m.Dagger)
	fmt.Fprintf(out, "%s, load when it began %.2f %.2f %.2f\n\n", m.Date.UTC().Format("2006-01-02 15:04 UTC"), m.Load[0], m.Load[1], m.Load[2])

	table := columns(out)
	fmt.Fprintln(table, "GROUP\tMEASUREMENT\tMEDIAN\tRUNS")
	for _, figure := range r.Figures {
		middle := inUnit(figure.Median, figure.Unit)
		if figure.Failed != "" {
			middle = "failed"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\n", figure.Group, figure.Name, middle, len(figure.All))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	table = columns(out)
	fmt.Fprintln(table, "GROUP\tRATIO\tVALUE\tGOAL\tMET")
	for _, result := range r.Results {
		value, met := "", ""
		if result.Value != nil {
			value = inUnit(*result.Value, result.Unit)
		}
		if result.Met != nil {
			met = map[bool]string{true: "yes", false: "no"}[*result.Met]
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", result.Group, result.Name, value, result.Goal, met)
	}
	return table.Flush()
}

func columns(out io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(out, 0, 0, 2, ' ', 0) }
