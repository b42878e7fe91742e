// Stand-in for github.com/vito/dang, which the Go module proxy does not serve: a schema is carried, never looked into.

// Package introspection has the shape of the schema that the engine hands to its Dang SDK.
package introspection

import "encoding/json"

// Response is an answer to an introspection query.
type Response struct {
	Schema *json.RawMessage `json:"__schema"`
}
