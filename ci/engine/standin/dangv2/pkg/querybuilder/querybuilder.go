// Stand-in for github.com/vito/dang/v2, which the Go module proxy does not serve: it is version 1 under the new path.

// Package querybuilder builds GraphQL queries.
package querybuilder

import "github.com/vito/dang/pkg/querybuilder"

// Query begins a query.
var Query = querybuilder.Query
