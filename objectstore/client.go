package objectstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"crypto/rand"

	"dagger/tensorflow-ci/release"
)

// Client is a store behind a running `rclone rcd --rc-serve`. It is a [release.Store].
type Client struct {
	URL            string // of rclone, such as http://host:5572
	User, Password string
	At             string // the store in rclone's words, as [Address.At] gives them
	Model          string // folder of the model to upload, where rclone sees it
	// Beside makes a write go to a name of its own first, and then take its place: for a store in which a file can be
	// seen half written, which is a folder.
	Beside bool
}

const (
	// maxObject is more than any object that this package reads: state, records, configs, attestations.
	maxObject = 64 << 20
	// brief is how long a call may take that moves no model.
	brief = 2 * time.Minute
	// maxReads is how often an object is read that was cut short each time before.
	maxReads = 5
)

var _ release.Store = (*Client)(nil)

// Read returns an object, as it was at one moment: a read that was cut short is read again, since an object that is
// replaced or removed meanwhile ends early.
func (c *Client) Read(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	for attempt := 1; ; attempt++ {
		content, err := c.get(ctx, name)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			return content, err
		}
		if attempt == maxReads {
			return nil, fmt.Errorf("%s was cut short in each of %d reads: %w", name, maxReads, explained(err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s was cut short, and the store did not answer in time after it (%w)", name, context.Cause(ctx))
		case <-time.After(time.Duration(attempt) * 50 * time.Millisecond):
		}
	}
}

func (c *Client) get(ctx context.Context, name string) ([]byte, error) {
	address := c.URL + (&url.URL{Path: "/[" + c.At + "]/" + name}).EscapedPath()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.send(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, failed(response)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxObject+1))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if err != nil {
		return nil, explained(err.Error())
	}
	if len(content) > maxObject {
		return nil, fmt.Errorf("%s is larger than %d bytes, which no object of a release is", name, maxObject)
	}
	return content, nil
}

// Write makes or replaces an object.
func (c *Client) Write(ctx context.Context, name string, content []byte) error {
	if !c.Beside {
		return c.put(ctx, name, content)
	}
	beside := "_writing-" + rand.Text()
	if err := c.put(ctx, beside, content); err != nil {
		return err
	}
	// IgnoreTimes: two objects of one size within one tick of the clock are not the same.
	return c.call(ctx, brief, "operations/movefile", map[string]any{
		"srcFs": c.At, "srcRemote": beside, "dstFs": c.At, "dstRemote": name, "_config": map[string]any{"IgnoreTimes": true},
	}, nil)
}

func (c *Client) put(ctx context.Context, name string, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", path.Base(name))
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	folder := path.Dir(name)
	if folder == "." {
		folder = ""
	}
	query := url.Values{"fs": {c.At}, "remote": {folder}}
	response, err := c.post(ctx, "operations/uploadfile?"+query.Encode(), form.FormDataContentType(), &body)
	if err != nil {
		return err
	}
	response.Body.Close()
	return nil
}

// Remove takes an object away.
func (c *Client) Remove(ctx context.Context, name string) error {
	err := c.call(ctx, brief, "operations/deletefile", map[string]any{"fs": c.At, "remote": name}, nil)
	if isNotFound(err) {
		return nil
	}
	return err
}

// List returns the objects below a folder.
func (c *Client) List(ctx context.Context, folder string) ([]release.Object, error) {
	var answer struct {
		List []struct {
			Path    string
			Size    int64
			ModTime time.Time
		}
	}
	err := c.call(ctx, brief, "operations/list", map[string]any{
		"fs": c.At, "remote": folder, "opt": map[string]any{"recurse": true, "filesOnly": true, "noMimeType": true},
	}, &answer)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var objects []release.Object
	for _, item := range answer.List {
		name := item.Path
		if folder != "" {
			name = strings.TrimPrefix(name, folder+"/")
		}
		objects = append(objects, release.Object{Name: name, Size: item.Size, Modified: item.ModTime})
	}
	return objects, nil
}

// Hashes reads the objects below a folder whole: what the store itself says of them is not asked.
func (c *Client) Hashes(ctx context.Context, folder string) (map[string]string, error) {
	return c.hashes(ctx, c.below(folder))
}

// ModelHashes returns the sha256 of each file of the model to upload.
func (c *Client) ModelHashes(ctx context.Context) (map[string]string, error) {
	return c.hashes(ctx, c.Model)
}

func (c *Client) hashes(ctx context.Context, at string) (map[string]string, error) {
	var answer struct{ Hashsum []string }
	err := c.call(ctx, 0, "operations/hashsum", map[string]any{"fs": at, "hashType": "sha256", "download": true}, &answer)
	if isNotFound(err) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	hashes := map[string]string{}
	for _, line := range answer.Hashsum {
		hash, name, found := strings.Cut(line, "  ")
		if !found || len(hash) != 64 {
			return nil, fmt.Errorf("an object below %s could not be read whole: rclone says %.200q of it", at, line)
		}
		hashes[name] = hash
	}
	return hashes, nil
}

// ModelSizes returns the size of each file of the model to upload, in bytes.
func (c *Client) ModelSizes(ctx context.Context) (map[string]int64, error) {
	model := *c
	model.At = c.Model
	objects, err := model.List(ctx, "")
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, object := range objects {
		sizes[object.Name] = object.Size
	}
	return sizes, nil
}

// Upload makes a folder hold the model's files and no others. One that was cut off goes on with the files that are not
// there yet.
func (c *Client) Upload(ctx context.Context, folder string) error {
	return c.call(ctx, 0, "sync/sync", map[string]any{
		"srcFs": c.Model, "dstFs": c.below(folder), "_config": map[string]any{"CheckSum": true},
	}, nil)
}

// Add copies files from a folder that rclone sees into a folder of the store, and returns how many: those that are not
// there, or have another content. What is there beside them stays.
func (c *Client) Add(ctx context.Context, from, folder string) (int, error) {
	var before, after struct{ Transfers int }
	if err := c.call(ctx, brief, "core/stats", map[string]any{}, &before); err != nil {
		return 0, err
	}
	err := c.call(ctx, 0, "sync/copy", map[string]any{"srcFs": from, "dstFs": c.below(folder), "_config": map[string]any{"CheckSum": true}}, nil)
	if err != nil {
		return 0, err
	}
	err = c.call(ctx, brief, "core/stats", map[string]any{}, &after)
	return after.Transfers - before.Transfers, err
}

// Fetch copies a folder of the store to a folder that rclone sees.
func (c *Client) Fetch(ctx context.Context, folder, to string) error {
	return c.call(ctx, 0, "sync/copy", map[string]any{"srcFs": c.below(folder), "dstFs": to}, nil)
}

// Quit ends rclone.
func (c *Client) Quit(ctx context.Context) error {
	return c.call(ctx, 5*time.Second, "core/quit", map[string]any{}, nil)
}

// below is a folder of the store, with the slash that At has.
func (c *Client) below(folder string) string {
	if folder == "" {
		return c.At
	}
	return strings.TrimSuffix(c.At, "/") + "/" + folder + "/"
}
