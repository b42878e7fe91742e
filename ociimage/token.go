package ociimage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var challengeForm = regexp.MustCompile(`(\w+)="([^"]*)"`)

// authorize gets what the registry's challenge asks for: a token for this repository, or name and password themselves.
func (r *Registry) authorize(ctx context.Context, challenge string) error {
	kind, rest, _ := strings.Cut(challenge, " ")
	if strings.EqualFold(kind, "basic") && r.Username != "" {
		call := http.Request{Header: http.Header{}}
		call.SetBasicAuth(r.Username, r.Password)
		r.token = call.Header.Get("Authorization")
		return nil
	}
	asked := map[string]string{}
	for _, pair := range challengeForm.FindAllStringSubmatch(rest, -1) {
		asked[pair[1]] = pair[2]
	}
	realm, err := url.Parse(asked["realm"])
	if !strings.EqualFold(kind, "bearer") || err != nil || realm.Host == "" {
		return fmt.Errorf("%s wants a name and a password: give both", r.Host)
	}
	if realm.Scheme != "https" && !private(realm.Host) {
		return fmt.Errorf("%s sends to %s for a token, which would see the password in the clear", r.Host, realm.Host)
	}
	query := realm.Query()
	query.Set("service", asked["service"])
	query.Set("scope", "repository:"+r.Repository+":pull,push")
	realm.RawQuery = query.Encode()
	call, err := http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil)
	if err != nil {
		return err
	}
	if r.Username != "" {
		call.SetBasicAuth(r.Username, r.Password)
	}
	answer, err := r.Client.Do(call)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return refusal(answer)
	}
	var given struct {
		Token       string
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxDocument)).Decode(&given); err != nil {
		return fmt.Errorf("the token of %s cannot be read: %w", r.Host, err)
	}
	if given.Token == "" {
		given.Token = given.AccessToken
	}
	r.token = "Bearer " + given.Token
	return nil
}
