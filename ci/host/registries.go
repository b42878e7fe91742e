package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// patience is how long a registry may take to answer.
const patience = 3 * time.Second

// The registries that the engine and its images come from.
var registries = []string{"registry-1.docker.io", "registry.dagger.io"}

func probeRegistries(ctx context.Context) []Registry {
	answers := make([]Registry, len(registries))
	var group sync.WaitGroup
	for i, name := range registries {
		group.Go(func() { answers[i] = probe(ctx, http.DefaultClient, "https://"+name+"/v2/", name) })
	}
	group.Wait()
	return answers
}

// probe asks for the start page of the registry protocol: open registries say 200 and the others 401.
func probe(ctx context.Context, client *http.Client, address, name string) Registry {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Registry{Host: name, Problem: err.Error()}
	}
	response, err := client.Do(request)
	if err != nil {
		return Registry{Host: name, Problem: reason(err)}
	}
	defer response.Body.Close()
	if code := response.StatusCode; code != http.StatusOK && code != http.StatusUnauthorized {
		return Registry{Host: name, Problem: fmt.Sprintf("it answers with HTTP status %d, a registry says 200 or 401", code)}
	}
	return Registry{Host: name, Reached: true}
}

// reason is the heart of a network error, without the address around it.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %.0f s", patience.Seconds())
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return "its name cannot be resolved"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}
