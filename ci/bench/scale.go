package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	sideBySide = 8 // experiments
	fewCells   = 20
)

// scale measures grids of experiments.
type scale struct {
	place Place
	known []int // seeds of experiments that the engine has made
	next  int   // seed that no experiment has had
}

// newScale begins at a seed that depends on the time: an engine keeps the experiments of yesterday's measurements.
func newScale(place Place) *scale {
	const room = 1_000_000 // above, up to 2^32
	return &scale{place: place, next: int(time.Now().UnixMilli() % (1<<32 - room))}
}

// group asks two things: whether experiments side by side fill the cores, and whether those that are known cost the same
// however many there are.
func (s *scale) group() Group {
	const one, row, beside = "1 experiment", "8 experiments, one after another", "8 experiments, side by side"
	cached := func(count int) string { return fmt.Sprintf("%d experiments that are known", count) }
	group := Group{
		Name:    "scale",
		Prepare: s.prepare,
		Measurements: []Measurement{
			{Name: one, Timed: s.fresh(1, 1)},
			{Name: row, Timed: s.fresh(sideBySide, 1)},
			{Name: beside, Timed: s.fresh(sideBySide, s.place.Cores)},
		},
		// A call of one experiment starts a session as one of eight does: eight times the first counts seven sessions that
		// nobody starts. The second speed-up counts one on either side.
		Claims: []Claim{
			speedUp(s.place.Cores, "speed-up: 8 × "+one+" ÷ "+beside, sideBySide, one, beside),
			speedUp(s.place.Cores, "speed-up: "+row+" ÷ side by side", 1, row, beside),
		},
	}
	counts := []int{1, fewCells, s.place.Cells}
	for _, count := range counts {
		group.Measurements = append(group.Measurements, Measurement{Name: cached(count), Timed: s.again(count)})
		group.Claims = append(group.Claims, perCell(cached(count), count))
	}
	group.Claims = append(group.Claims, steadiness(counts, cached(counts[0]), cached(counts[1]), cached(counts[2])))
	return group
}

// speedUp is how many times as fast several experiments are together; no more of them run at once than there are cores.
func speedUp(cores int, name string, times float64, alone, together string) Claim {
	return Claim{
		Name: name, Of: []string{alone, together}, Goal: atLeast(0.9 * float64(min(cores, sideBySide))),
		From: func(medians []float64) float64 { return times * medians[0] / medians[1] },
	}
}

// perCell is the time of a call by its experiments.
func perCell(of string, count int) Claim {
	return Claim{
		Name: "each of " + of, Of: []string{of}, Unit: seconds,
		From: func(medians []float64) float64 { return medians[0] / float64(count) },
	}
}

// steadiness sets what a further experiment costs in a large grid against what it costs in a small one: the time that a call
// takes whatever it does is in neither. One is constant; a fifth more is what two measurements of the same can differ by.
func steadiness(counts []int, smallest, small, large string) Claim {
	further := func(seconds float64, experiments int) float64 { return seconds / float64(experiments) }
	return Claim{
		Name: fmt.Sprintf("a further known experiment: from %d to %d ÷ from %d to %d", counts[1], counts[2], counts[0], counts[1]),
		Of:   []string{smallest, small, large}, Goal: atMost(1.2),
		From: func(medians []float64) float64 {
			return further(medians[2]-medians[1], counts[2]-counts[1]) / further(medians[1]-medians[0], counts[1]-counts[0])
		},
	}
}

func (s *scale) folder() string { return filepath.Join(s.place.Folder, "tiny") }

// prepare makes the project, whose training is of one layer and one epoch, so that what is measured is the line around it; and
// all experiments that are to be known.
func (s *scale) prepare(ctx context.Context) error {
	if err := os.CopyFS(s.folder(), os.DirFS(filepath.Join(s.place.Root, "tests", "testdata", "tiny"))); err != nil {
		return err
	}
	s.known = s.seeds(s.place.Cells)
	return s.experiments(ctx, s.known, s.place.Cores)
}

// seeds are so many that no experiment has had.
func (s *scale) seeds(count int) []int {
	seeds := make([]int, count)
	for at := range seeds {
		seeds[at] = s.next
		s.next++
	}
	return seeds
}

func (s *scale) fresh(count, parallel int) func(context.Context) error {
	return func(ctx context.Context) error { return s.experiments(ctx, s.seeds(count), parallel) }
}

func (s *scale) again(count int) func(context.Context) error {
	return func(ctx context.Context) error { return s.experiments(ctx, s.known[:count], s.place.Cores) }
}

// experiments is one call for a grid of these seeds, all of which must give a model.
func (s *scale) experiments(ctx context.Context, seeds []int, parallel int) error {
	grid := filepath.Join(s.place.Folder, "grid.yaml")
	if err := os.WriteFile(grid, gridOf(seeds), 0o644); err != nil {
		return err
	}
	summary, err := s.place.module(ctx, s.folder(), "experiments", "--file", grid, "--parallel", strconv.Itoa(parallel), "summary")
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%d cells, 0 failed", len(seeds)); !strings.HasPrefix(strings.TrimSpace(summary), want) {
		return fmt.Errorf("experiments say %q, want %q", summary, want)
	}
	return nil
}

// gridOf is a grid file of one row.
func gridOf(seeds []int) []byte {
	words := make([]string, len(seeds))
	for at, seed := range seeds {
		words[at] = strconv.Itoa(seed)
	}
	return fmt.Appendf(nil, "train.seed: [%s]\n", strings.Join(words, ", "))
}
