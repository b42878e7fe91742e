package scanpolicy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// makers are the words by which a distribution's packages say who maintains them. Ubuntu puts its own name on each package
// that it builds from Debian's sources.
var makers = map[string]string{"debian": "debian.org", "ubuntu": "ubuntu"}

// Foreign says whose packages a system has, in the bill of materials that Trivy makes of an image, where they are not its
// own: an image of Debian that calls itself Ubuntu. It is empty where they are, and where nothing tells.
//
// Advisories are looked up under the name that a system gives itself, and say nothing of another's packages.
func Foreign(bill []byte, system System) (string, error) {
	own, known := makers[system.Family]
	if !known {
		return "", nil
	}
	var read struct {
		Components []struct {
			PURL     string
			Supplier struct{ Name string }
		}
	}
	if err := json.Unmarshal(bill, &read); err != nil {
		return "", fmt.Errorf("the list of what is installed: %w", err)
	}
	others := map[string]int{}
	for _, component := range read.Components {
		maker := strings.ToLower(component.Supplier.Name)
		switch {
		case !strings.HasPrefix(component.PURL, "pkg:deb/"):
		case strings.Contains(maker, own):
			return "", nil
		default:
			for family, word := range makers {
				if strings.Contains(maker, word) {
					others[family]++
				}
			}
		}
	}
	for family := range others { // at most one: there are two, and it is not its own
		return family, nil
	}
	return "", nil
}
