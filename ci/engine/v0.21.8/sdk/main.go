// Command sdk imports what the code generated for a Dagger module imports, so that building it once fills
// the module and build caches of the Go SDK image, and a module's first load has only itself to compile.
package main

import (
	_ "dagger.io/dagger"
	_ "github.com/Khan/genqlient/graphql"
	_ "github.com/dagger/otel-go"
	_ "github.com/dagger/querybuilder"
	_ "github.com/spf13/pflag"
	_ "github.com/vektah/gqlparser/v2/gqlerror"
	_ "go.opentelemetry.io/otel"
	_ "go.opentelemetry.io/otel/propagation"
	_ "go.opentelemetry.io/otel/sdk/resource"
	_ "go.opentelemetry.io/otel/semconv/v1.40.0"
	_ "go.opentelemetry.io/otel/trace"
	_ "gopkg.in/yaml.v3"
)

func main() {}
