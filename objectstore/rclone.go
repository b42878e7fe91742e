package objectstore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// call calls a command of rclone; limit 0 is none, for what takes as long as the model is large.
func (c *Client) call(ctx context.Context, limit time.Duration, command string, parameters map[string]any, answer any) error {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	body, err := json.Marshal(parameters)
	if err != nil {
		return err
	}
	response, err := c.post(ctx, command, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("rclone's answer to %s cannot be read: %w", command, err)
	}
	return nil
}

// direct knows no proxy: rclone runs beside the caller.
var direct = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}

// post asks rclone and returns its answer, whose body the caller closes; an answer of failure is an error.
func (c *Client) post(ctx context.Context, command, form string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/"+command, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", form)
	response, err := c.send(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, failed(response)
	}
	return response, nil
}

func (c *Client) send(request *http.Request) (*http.Response, error) {
	request.SetBasicAuth(c.User, c.Password)
	response, err := direct.Do(request)
	if err != nil {
		if cause := context.Cause(request.Context()); cause != nil {
			return nil, fmt.Errorf("the store did not answer in time (%w)", cause)
		}
		return nil, fmt.Errorf("rclone does not answer: %w", err)
	}
	return response, nil
}
