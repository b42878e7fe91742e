package config

import (
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// NoMemoryLimit as train.memory lets a training hold what the machine has.
const NoMemoryLimit = "none"

// The limits of memory that make sense: TensorFlow alone, imported, holds some hundred MiB.
const (
	minMemory = 256 << 20
	maxMemory = 16 << 40
)

// memoryUnits are those of powers of two, as Kubernetes and Docker write them.
var memoryUnits = []struct {
	name  string
	bytes float64
}{{"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

// memory reads an amount of memory with its unit; 0 stands for no limit.
func memory(v value) (int64, bool) {
	const allowed = "an amount from 256MiB to 16TiB with its unit, such as 512MiB, 8GiB or 1.5GiB, or " + NoMemoryLimit
	if v.Kind == yaml.ScalarNode && v.Value == NoMemoryLimit {
		return 0, true
	}
	bytes, known := bytesOf(v.Value)
	switch {
	case v.Kind != yaml.ScalarNode || !known:
		v.refuse(v.describe()+" is no amount of memory", allowed)
		return 0, false
	case bytes < minMemory || bytes > maxMemory:
		v.refuse(v.Value+" is out of range", allowed)
		return 0, false
	}
	return int64(bytes), true
}

func bytesOf(amount string) (float64, bool) {
	for _, unit := range memoryUnits {
		digits, found := strings.CutSuffix(amount, unit.name)
		if !found {
			continue
		}
		number, err := strconv.ParseFloat(digits, 64)
		return number * unit.bytes, err == nil && !math.IsNaN(number) && !strings.ContainsAny(digits, "xXpPeE_+")
	}
	return 0, false
}
