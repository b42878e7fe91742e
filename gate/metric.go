package gate

import (
	"slices"
	"strings"
)

// Words that tell what a metric's figure means, wherever they stand in its name (macro_f1, validation_loss).
var (
	boundedWords = []string{"accuracy", "auc", "precision", "recall", "f1"}
	lossWords    = []string{"loss", "error", "mse", "rmse", "mae", "mape", "msle", "logloss", "crossentropy", "brier"}
)

// Bounded reports whether a metric lies between 0 and 1 by its definition.
func Bounded(metric string) bool {
	words := strings.Split(metric, "_")
	return slices.Contains(boundedWords, words[len(words)-1]) && !LowerIsBetter(metric)
}

// LowerIsBetter reports whether a metric measures an error, so that a model gets worse as it rises.
func LowerIsBetter(metric string) bool {
	return slices.ContainsFunc(strings.Split(metric, "_"), func(word string) bool {
		return slices.Contains(lossWords, word)
	})
}
