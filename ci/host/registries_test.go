package host

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering is a server that gives each request a status, after a while.
func answering(t *testing.T, status int, after time.Duration) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		select {
		case <-time.After(after):
		case <-request.Context().Done():
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestProbeTellsAnswersApart(t *testing.T) {
	for status, says := range map[int]string{
		200: "", 401: "",
		403: "it refuses this machine (HTTP status 403): log in by `docker login registry.example`",
		404: "a registry says 200 or 401",
		429: "its limit of pulls is reached (HTTP status 429): wait, or log in by `docker login registry.example`",
		500: "it is out of order (HTTP status 500)",
		503: "try again later",
	} {
		got := probe(t.Context(), &http.Transport{}, Patience, answering(t, status, 0).URL+"/v2/", "registry.example")
		if !got.Reached || got.Login != (status == 401) || got.Host != "registry.example" || got.Proxy != "" {
			t.Errorf("status %d: %+v", status, got)
		}
		if !strings.Contains(got.Problem, says) || (says == "") != (got.Problem == "") {
			t.Errorf("status %d: %q, want %q", status, got.Problem, says)
		}
	}
	if got := refusal(dockerHub, 429); !strings.Contains(got, "`docker login`,") || !strings.Contains(got, "Docker's configuration") {
		t.Errorf("Docker Hub's limit: %q", got)
	}
}

func TestProbeIsPatient(t *testing.T) {
	t.Parallel() // it sleeps
	const slow = 4 * time.Second
	server := answering(t, 401, slow)
	if got := probe(t.Context(), &http.Transport{}, Patience, server.URL, "registry.example"); !got.Reached || got.Problem != "" {
		t.Errorf("after 4 s: %+v", got)
	}
	began := time.Now()
	got := probe(t.Context(), &http.Transport{}, Glance, server.URL, "registry.example")
	if got.Reached || got.Problem != "no answer within 1 s" || time.Since(began) > slow {
		t.Errorf("slower than the patience: %+v after %s", got, time.Since(began))
	}
}

func TestProbeAsksTwiceWhereItIsCutOff(t *testing.T) {
	for cut, reached := range map[int32]bool{0: true, 1: true, 2: false} {
		var requests atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if requests.Add(1) > cut {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if client, _, err := http.NewResponseController(w).Hijack(); err == nil {
				client.Close()
			}
		}))
		got := probe(t.Context(), &http.Transport{}, Patience, server.URL, "registry.example")
		server.Close()
		if got.Reached != reached || requests.Load() != min(cut+1, 2) {
			t.Errorf("cut off %d times: %+v after %d requests", cut, got, requests.Load())
		}
	}
}

// closed is the address of a port on which nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestProbeOfWhatIsNotThere(t *testing.T) {
	if got := probe(t.Context(), &http.Transport{}, Patience, "http://"+closed(t), "registry.example"); got.Reached || got.Problem != "connection refused" {
		t.Errorf("nobody listens: %+v", got)
	}
	if got := probe(t.Context(), &http.Transport{}, Patience, "https://registry.invalid/v2/", "registry.invalid"); got.Reached || !strings.Contains(got.Problem, "name") {
		t.Errorf("no such name: %+v", got)
	}
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = nil
	untrusted.StartTLS()
	defer untrusted.Close()
	if got := probe(t.Context(), &http.Transport{}, Patience, untrusted.URL, "registry.example"); !got.Reached || !strings.Contains(got.Problem, "not trusted") {
		t.Errorf("an unknown certificate: %+v", got)
	}
}

// tunnel is a proxy that answers each CONNECT with a status; 200 is followed by a connection to the address.
func tunnel(t *testing.T, status int, to string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		upstream, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer upstream.Close()
		go io.Copy(upstream, client)
		io.Copy(client, upstream)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestProbeThroughAProxy(t *testing.T) {
	registry := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	defer registry.Close()
	gone := closed(t)
	for name, test := range map[string]struct {
		proxy, says string
		reached     bool
		broken      bool // the proxy itself is what does not work
	}{
		"works":             {proxy: tunnel(t, 200, registry.Listener.Addr().String()), reached: true},
		"does not listen":   {proxy: gone, broken: true, says: "the proxy http://" + gone + " does not work: connection refused"},
		"has no such name":  {proxy: "proxy.invalid:3128", broken: true, says: "the proxy http://proxy.invalid:3128 does not work: "},
		"wants a password":  {proxy: tunnel(t, 407, ""), broken: true, says: "wants a name and a password"},
		"blocks the host":   {proxy: tunnel(t, 403, ""), says: "makes no connection to it (HTTP status 403)"},
		"reaches no host":   {proxy: tunnel(t, 502, ""), says: "makes no connection to it (HTTP status 502)"},
		"swallows requests": {proxy: answering(t, 200, time.Second).Listener.Addr().String(), says: "no answer within 0 s, through the proxy http://"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := registry.Client().Transport.(*http.Transport).Clone() // it trusts the registry
			transport.DialTLSContext, transport.DialContext = nil, nil
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", User: url.UserPassword("me", "secret"), Host: test.proxy})
			patience := Patience
			if name == "swallows requests" {
				patience = 100 * time.Millisecond
			}
			got := probe(t.Context(), transport, patience, "https://example.com/v2/", "registry.example")
			if got.Reached != test.reached || (got.Proxy != "") != test.broken || !strings.Contains(got.Problem, test.says) {
				t.Errorf("got %+v, want %q", got, test.says)
			}
			if strings.Contains(got.Problem+got.Proxy, "secret") || strings.Contains(got.Problem+got.Proxy, "me@") {
				t.Errorf("the user of the proxy is shown: %+v", got)
			}
		})
	}
}

func TestUnreached(t *testing.T) {
	up, slow := Registry{Host: "a", Reached: true}, Registry{Host: "b", Problem: "no answer"}
	for want, registries := range map[string][]Registry{
		"":                           {up, {Host: "c", Reached: true, Problem: "its limit"}},
		"b (no answer)":              {up, slow},
		"b and c (no answer)":        {slow, {Host: "c", Problem: "no answer"}},
		"b (no answer), c (refused)": {slow, {Host: "c", Problem: "refused"}},
	} {
		if got := Unreached(registries); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
