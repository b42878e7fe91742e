package gate

import (
	"fmt"
	"math"
	"strconv"
)

// Limit reads the limit that a flag holds, a number from lowest to highest; nil where the text is empty. A limit is text
// because Dagger's clients send a number with six decimals: 1e-7 would arrive as 0.
func Limit(flag, text string, lowest, highest float64, example string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err == nil && value >= lowest && value <= highest && !math.IsInf(value, 0) { // NaN is in no range
		return &value, nil
	}
	allowed := fmt.Sprintf("from %g to %g", lowest, highest)
	if math.IsInf(highest, 1) {
		allowed = fmt.Sprintf("from %g up", lowest)
	}
	return nil, fmt.Errorf("--%s is %.80q: want a number %s, such as %s", flag, text, allowed, example)
}
