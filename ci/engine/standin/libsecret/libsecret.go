// Stand-in for github.com/jedevc/go-libsecret, which the Go module proxy does not serve: no keyring can be opened.

// Package libsecret has the calls that the Dagger CLI makes for secrets of the form libsecret://.
package libsecret

import "errors"

var errStandIn = errors.New("libsecret:// secrets are not in this build of Dagger: use env://, file:// or cmd://")

// Service stands for the desktop's keyring.
type Service struct{}

// NewService fails: this build reaches no keyring.
func NewService() (*Service, error) { return nil, errStandIn }

// Open fails like [NewService].
func (*Service) Open() (*Session, error) { return nil, errStandIn }

// Collections fails like [NewService].
func (*Service) Collections() ([]Collection, error) { return nil, errStandIn }

// Unlock fails like [NewService].
func (*Service) Unlock(*Collection) error { return errStandIn }

// Session stands for an open conversation with the keyring.
type Session struct{}

// Collection stands for one group of secrets.
type Collection struct{}

// Path returns the empty path.
func (*Collection) Path() string { return "" }

// Items fails like [NewService].
func (*Collection) Items() ([]Item, error) { return nil, errStandIn }

// Item stands for one entry of a collection.
type Item struct{}

// Path returns the empty path.
func (*Item) Path() string { return "" }

// Label fails like [NewService].
func (*Item) Label() (string, error) { return "", errStandIn }

// Locked fails like [NewService].
func (*Item) Locked() (bool, error) { return true, errStandIn }

// Attributes fails like [NewService].
func (*Item) Attributes() (map[string]string, error) { return nil, errStandIn }

// GetSecret fails like [NewService].
func (*Item) GetSecret(*Session) (*Secret, error) { return nil, errStandIn }

// Secret holds the bytes of one entry.
type Secret struct{ Value []byte }
