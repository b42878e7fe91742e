package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// Patience is how long a registry may take to answer: one that is slow is not absent.
	Patience = 15 * time.Second
	// Glance is how long it may take where the answer changes one line of text and nothing else.
	Glance = time.Second
	// connecting is how long a connection may take: no registry is slow at that, a network that swallows packets is.
	connecting = 5 * time.Second
)

// dockerHub is the registry that `docker login` means without a name.
const dockerHub = "registry-1.docker.io"

// The registries that the engine and its images come from.
var registries = []string{dockerHub, "registry.dagger.io"}

// Registry is an image registry, and what it answered.
type Registry struct {
	Host    string
	Reached bool   // it answered, whatever it said
	Login   bool   // it asks who pulls, as most do; public images come without a login
	Problem string // why it was not reached, or what it refuses
	Proxy   string // that does not work; "" where it does, or there is none
}

// Unreached names the registries that did not answer, with the reason, in one line; "" when all did.
func Unreached(registries []Registry) string {
	var reasons []string
	hosts := map[string][]string{}
	for _, registry := range registries {
		if registry.Reached {
			continue
		}
		if hosts[registry.Problem] == nil {
			reasons = append(reasons, registry.Problem)
		}
		hosts[registry.Problem] = append(hosts[registry.Problem], registry.Host)
	}
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("%s (%s)", strings.Join(hosts[reason], " and "), reason)
	}
	return strings.Join(reasons, ", ")
}

// probeRegistries asks all registries at once.
func probeRegistries(ctx context.Context, patience time.Duration) []Registry {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	answers := make([]Registry, len(registries))
	var group sync.WaitGroup
	for i, name := range registries {
		group.Go(func() { answers[i] = probe(ctx, transport, patience, "https://"+name+"/v2/", name) })
	}
	group.Wait()
	return answers
}

// probe asks for the start page of the registry protocol: open registries say 200 and the others 401.
func probe(ctx context.Context, transport *http.Transport, patience time.Duration, address, name string) Registry {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Registry{Host: name, Problem: err.Error()}
	}
	transport = transport.Clone()
	transport.DialContext = (&net.Dialer{Timeout: connecting}).DialContext
	transport.TLSHandshakeTimeout = patience
	transport.DisableKeepAlives = true
	transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
		if response.StatusCode != http.StatusOK {
			return proxyStatus(response.StatusCode)
		}
		return nil
	}
	client := &http.Client{Transport: transport}
	response, err := client.Do(request)
	if cutOff(err) { // once more: an answer that a network lost is no reason for other images
		response, err = client.Do(request)
	}
	if err != nil {
		return failed(err, name, proxyOf(transport, request), patience)
	}
	response.Body.Close()
	return Registry{
		Host: name, Reached: true, Login: response.StatusCode == http.StatusUnauthorized, Problem: refusal(name, response.StatusCode),
	}
}

// cutOff tells whether a connection was made, and ended before the answer.
func cutOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// proxyStatus is the answer of a proxy that makes no connection.
type proxyStatus int

func (p proxyStatus) Error() string { return fmt.Sprintf("HTTP status %d", int(p)) }

// proxyOf is the proxy of a request, without the user in its address; "" when it has none.
func proxyOf(transport *http.Transport, request *http.Request) string {
	if transport.Proxy == nil {
		return ""
	}
	proxy, err := transport.Proxy(request)
	if err != nil || proxy == nil {
		return ""
	}
	return WithoutUser(proxy.String())
}

// refusal says what an answer of this status refuses, and what to do; "" for an answer that registries give.
func refusal(name string, status int) string {
	login := "`docker login " + name + "`"
	if name == dockerHub {
		login = "`docker login`"
	}
	switch {
	case status == http.StatusOK || status == http.StatusUnauthorized:
		return ""
	case status == http.StatusTooManyRequests:
		return "its limit of pulls is reached (HTTP status 429): wait, or log in by " + login +
			", which raises the limit; the engine takes the credentials from Docker's configuration"
	case status == http.StatusForbidden:
		return "it refuses this machine (HTTP status 403): log in by " + login +
			", from whose configuration the engine takes the credentials, or ask who runs the firewall"
	case status >= 500:
		return fmt.Sprintf("it is out of order (HTTP status %d): try again later", status)
	}
	return fmt.Sprintf("it answers with HTTP status %d, a registry says 200 or 401: does something else answer in its place?", status)
}

// failed says why a request got no answer of the registry.
func failed(err error, name, proxy string, patience time.Duration) Registry {
	registry := Registry{Host: name}
	var status proxyStatus
	var step *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &status) && status == http.StatusProxyAuthRequired:
		registry.Proxy = proxy
		registry.Problem = "the proxy " + proxy + " wants a name and a password (HTTP status 407)"
	case errors.As(err, &status):
		registry.Problem = fmt.Sprintf("the proxy %s makes no connection to it (%s)", proxy, status)
	case proxy != "" && errors.As(err, &step) && (step.Op == "proxyconnect" || strings.HasPrefix(step.Op, "socks")):
		registry.Proxy = proxy
		registry.Problem = "the proxy " + proxy + " does not work: " + reason(step.Err, patience)
	case errors.As(err, &certificate):
		// something is there: images made here would not mend that the machine does not trust it
		registry.Reached = true
		registry.Problem = "its certificate is not trusted here (" + certificate.Err.Error() +
			"): where a proxy reads along, its certificate belongs to those that the machine trusts"
	default:
		registry.Problem = reason(err, patience)
		if proxy != "" {
			registry.Problem += ", through the proxy " + proxy
		}
	}
	return registry
}

// reason is the heart of a network error, without the address around it.
func reason(err error, patience time.Duration) string {
	var lookup *net.DNSError
	var dial *net.OpError
	switch {
	case errors.As(err, &lookup) && lookup.IsTimeout:
		return "no name server answers"
	case errors.As(err, &lookup):
		return "its name cannot be resolved"
	case errors.As(err, &dial) && dial.Op == "dial" && dial.Timeout():
		return fmt.Sprintf("no connection within %.0f s", min(connecting, patience).Seconds())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %.0f s", patience.Seconds())
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}
