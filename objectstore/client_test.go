package objectstore

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestReadCutShort has an object that ends early, as one does that is replaced while it is read.
func TestReadCutShort(t *testing.T) {
	for _, test := range []struct {
		name string
		cuts int    // reads that end early
		then string // after them: the content, or "" for an object that is gone
		want string // of the error
	}{
		{"replaced once", 1, "whole", ""},
		{"replaced often", maxReads - 1, "whole", ""},
		{"removed", 1, "", "no such object"},
		{"always", maxReads, "whole", "state.json was cut short in each of 5 reads"},
	} {
		reads := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			reads++
			switch {
			case reads <= test.cuts:
				w.Header().Set("Content-Length", "100")
				_, _ = w.Write([]byte("half"))
			case test.then == "":
				http.Error(w, "object not found", http.StatusNotFound)
			default:
				_, _ = w.Write([]byte(test.then))
			}
		}))
		client := &Client{URL: server.URL, At: "store:"}
		content, err := client.Read(t.Context(), "state.json")
		switch {
		case test.want == "" && (err != nil || string(content) != test.then):
			t.Errorf("%s: %q, %v", test.name, content, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %q, %v, want an error with %q", test.name, content, err, test.want)
		}
		server.Close()
	}
}
