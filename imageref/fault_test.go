package imageref

import (
	"strings"
	"testing"
	"time"
)

// What the engines v0.20.8 and v0.21.8 said of testdata/badregistry.py, named by itself and as the mirror of docker.io, of
// an index for other platforms, and of places where nothing answers. The last ones are what was not heard here.
var saidByEngines = []struct {
	name, text string
	want       Fault
}{
	{"a token service hands out what the registry does not accept", `failed to resolve image "172.17.0.1:5999/denied/x:1" (platform: "linux/amd64"): failed to resolve source metadata for 172.17.0.1:5999/denied/x:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed [traceparent:50a83de3653cbdb9392cba005096241a-550d29f0bcf991a6]`, Denied},
	{"a password is wanted", `failed to resolve source metadata for 172.17.0.1:5999/basic/x:1: unexpected status from HEAD request to http://172.17.0.1:5999/v2/basic/x/manifests/1: 401 Unauthorized [traceparent:e059d552979dc8c7bf0dd5073b51b17c-bce3445abdc54f79]`, Denied},
	{"forbidden", `failed to resolve source metadata for 172.17.0.1:5999/forbidden/x:1: unexpected status from HEAD request to http://172.17.0.1:5999/v2/forbidden/x/manifests/1: 403 Forbidden [traceparent:ddb90d0db273738a96e2372cbf859aa0-79ad81f3e8a1d770]`, Denied},
	{"limited", `failed to resolve source metadata for 172.17.0.1:5999/limited/x:1: unexpected status from HEAD request to http://172.17.0.1:5999/v2/limited/x/manifests/1: 429 Too Many Requests [traceparent:7d16542260a63ba9f204c85f28313af5-2a83c91f2c7253d3]`, Limited},
	{"limited, of docker.io", `failed to resolve image "docker.io/limited/x:1" (platform: "linux/amd64"): failed to resolve source metadata for docker.io/limited/x:1: unexpected status from HEAD request to http://172.17.0.1:5999/v2/limited/x/manifests/1?ns=docker.io: 429 Too Many Requests [traceparent:2a81a99e0bf10ed57622946b153babb0-e43710d80515bef4]`, Limited},
	{"out of order", `failed to resolve source metadata for docker.io/broken/x:1: unexpected status from HEAD request to http://172.17.0.1:5999/v2/broken/x/manifests/1?ns=docker.io: 503 Service Unavailable [traceparent:abdcf835cde186583041c3ba63a84998-3b24c3c5a16558e6]`, Ill},
	{"no such tag", `failed to resolve source metadata for docker.io/nothing/x:1: docker.io/nothing/x:1: not found [traceparent:b596691bf4ec354ee7211784e81e179b-8cc7888a1e5bc380]`, Absent},
	{"nothing listens", `failed to resolve source metadata for 172.17.0.1:5998/x/x:1: failed to do request: Head "http://172.17.0.1:5998/v2/x/x/manifests/1": dial tcp 172.17.0.1:5998: connect: connection refused [traceparent:090835350d6022c6a4f39f8119128eb8-7cd54c6ce6b26e3e]`, Unreachable},
	{"no such host", `failed to resolve source metadata for registry.invalid/x/x:1: failed to do request: Head "https://registry.invalid/v2/x/x/manifests/1": dial tcp: lookup registry.invalid on 10.87.0.1:53: no such host [traceparent:0afb973a9a7660416a501c86fd3e6f7e-205bf1bfe3fb953a]`, Unreachable},
	{"another certificate", `failed to resolve source metadata for 10.255.255.1:5000/x/x:1: failed to do request: Head "https://10.255.255.1:5000/v2/x/x/manifests/1": tls: failed to verify certificate: x509: cannot validate certificate for 10.255.255.1 because it doesn't contain any IP SANs [traceparent:d385e091a1af26adf8a75869e5d4f47e-faa6a6db3ef24df6]`, Unreachable},
	{"v0.21: a token service", `failed to resolve image "172.17.0.1:5999/denied/x:1" (platform: "linux/amd64"): pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`, Denied},
	{"v0.21: a password is wanted", `failed to resolve image "172.17.0.1:5999/basic/x:1" (platform: "linux/amd64"): pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials`, Denied},
	{"v0.21: forbidden", `failed to resolve image "172.17.0.1:5999/forbidden/x:1" (platform: "linux/amd64"): unexpected status from HEAD request to http://172.17.0.1:5999/v2/forbidden/x/manifests/1: 403 Forbidden`, Denied},
	{"v0.21: limited", `failed to resolve image "docker.io/limited/x:1" (platform: "linux/amd64"): unexpected status from HEAD request to http://172.17.0.1:5999/v2/limited/x/manifests/1?ns=docker.io: 429 Too Many Requests`, Limited},
	{"v0.21: out of order", `failed to resolve image "172.17.0.1:5999/broken/x:1" (platform: "linux/amd64"): unexpected status from HEAD request to http://172.17.0.1:5999/v2/broken/x/manifests/1: 503 Service Unavailable`, Ill},
	{"v0.21: no such tag", `failed to resolve image "172.17.0.1:5999/nothing/x:1" (platform: "linux/amd64"): 172.17.0.1:5999/nothing/x:1: not found`, Absent},
	{"v0.21: other platforms", `failed to resolve image "172.17.0.1:5000/tests/index-foreign:1" (platform: "linux/amd64"): no manifest matches requested platform for sha256:9731bd8143f1b564fbe63324b5d413e11e7bafaa416c8bfe14df43a7ba56a873`, OtherPlatforms},
	{"v0.21: no such host", `failed to resolve image "registry.invalid/x/x:1" (platform: "linux/amd64"): failed to do request: Head "https://registry.invalid/v2/x/x/manifests/1": dial tcp: lookup registry.invalid on 10.87.0.1:53: no such host`, Unreachable},
	{"v0.21: a layer that is no archive", `import image "172.17.0.1:5000/tests/broken:1@sha256:5eed6c294c9305eb0f01951d0d75dac1747fd2025cfedd740c344cb0ed1dbe87": mount callback failed on /tmp/containerd-mount3198608832: unexpected EOF`, Damaged},

	{"other platforms", `no match for platform in manifest sha256:9731bd8143f1b564fbe63324b5d413e11e7bafaa416c8bfe14df43a7ba56a873: not found`, OtherPlatforms},
	{"limited, in the words of an answer", `toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit`, Limited},
	{"a name server that fails", `dial tcp: lookup registry-1.docker.io on 127.0.0.11:53: server misbehaving`, Unreachable},
	{"a proxy that is not there", `proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: no route to host`, Unreachable},
	{"cut off", `failed to do request: Head "https://registry-1.docker.io/v2/": EOF`, Unreachable},
	{"something else", `the engine is tired`, Unknown},
}

func TestFaultOf(t *testing.T) {
	for _, said := range saidByEngines {
		if got := FaultOf(said.text); got != said.want {
			t.Errorf("%s: got %d, want %d", said.name, got, said.want)
		}
	}
}

func TestWords(t *testing.T) {
	hub, err := Parse("tensorflow/tensorflow:2.16.2")
	if err != nil {
		t.Fatal(err)
	}
	team, err := Parse("registry.example.com/team/x:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		fault Fault
		ref   Ref
		want  []string
	}{
		{Absent, hub, []string{"tensorflow/tensorflow:2.16.2: this tag does not exist (asked: docker.io and its mirrors)"}},
		{Denied, hub, []string{"docker.io refuses it", "run docker login on the machine from which dagger is called", "~/.docker/config.json"}},
		{Denied, team, []string{"registry.example.com refuses it", "run docker login registry.example.com on"}},
		{Limited, hub, []string{"(429)", "its limit", "Wait, or log in", "run docker login on"}},
		{Ill, team, []string{"out of order", "call again later"}},
		{Damaged, team, []string{"the image cannot be read", "registry.example.com", "push it again"}},
		{Unreachable, team, []string{"the engine does not reach registry.example.com", "network", "proxy", "certificates", "mirror"}},
		{Unknown, hub, []string{"is docker.io up, and does this tag exist there"}},
	} {
		got := test.fault.Words(test.ref)
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%d: %q does not say %q", test.fault, got, want)
			}
		}
	}
}

func TestForeign(t *testing.T) {
	ref, err := Parse("tensorflow/serving:2.16.1")
	if err != nil {
		t.Fatal(err)
	}
	got := Foreign(ref, "linux/arm64", []string{"linux/amd64", "linux/s390x"}).Error()
	if want := "tensorflow/serving:2.16.1 has no image for linux/arm64: it has linux/amd64, linux/s390x; "; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q…", got, want)
	}
	if got := Foreign(ref, "linux/arm64", nil).Error(); !strings.Contains(got, "it has none of the common platforms") {
		t.Errorf("got %q", got)
	}
	if got := Silent(ref, 2*time.Minute).Error(); !strings.Contains(got, "neither docker.io nor a mirror of it answered within 2m0s") {
		t.Errorf("got %q", got)
	}
}
