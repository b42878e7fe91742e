package objectstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"dagger/tensorflow-ci/release"
)

// meanings are what a person needs to know of rclone's messages, the first that fits.
var meanings = []struct {
	parts []string
	what  string
}{
	{[]string{"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "StatusCode: 403", "StatusCode: 401", "Error 403", "Error 401", "invalid_grant", "Unauthorized", "ExpiredToken", "could not find default credentials", "couldn't find root ID"},
		"the store refuses the credentials: are they those of this store, and may they read, write, list and delete there?"},
	{[]string{"NoSuchBucket", "bucket doesn't exist", "bucket does not exist", "notFound, bucket"}, "there is no such bucket: make it, or name another"},
	{[]string{"QuotaExceeded", "no space left", "StatusCode: 507", "InsufficientCapacity", "EntityTooLarge"}, "the store is full or takes no object of this size"},
	{[]string{"connection refused", "no such host", "i/o timeout", "deadline exceeded", "network is unreachable", "connection reset", "EOF", "no route to host", "server misbehaving", "tls: ", "x509: ", "StatusCode: 503", "SlowDown"},
		"the store cannot be reached: is its address (--endpoint) right, and does it answer?"},
}

// maxWords is how much of rclone's own message is repeated.
const maxWords = 300

// explained puts a message of rclone in words for whoever reads the log.
func explained(message string) error {
	words := strings.Join(strings.Fields(message), " ")
	if len(words) > maxWords {
		words = words[:maxWords] + "…"
	}
	for _, meaning := range meanings {
		for _, part := range meaning.parts {
			if strings.Contains(message, part) {
				return fmt.Errorf("%s (rclone: %s)", meaning.what, words)
			}
		}
	}
	return errors.New("rclone: " + words)
}

// failed is the error of an answer that is none.
func failed(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	var answer struct{ Error string }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Error == "" {
		answer.Error = response.Status + " " + string(text)
	}
	if response.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("rclone does not know who calls it: %s", response.Status)
	}
	if response.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w (rclone: %.200s)", release.ErrNotFound, answer.Error)
	}
	return explained(answer.Error)
}

func isNotFound(err error) bool { return errors.Is(err, release.ErrNotFound) }
