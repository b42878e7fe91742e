package host

import (
	"context"
	"encoding/json"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
)

// StandIn is an image in Docker that was made here in place of the published one.
type StandIn struct {
	Names []string
	Title string
}

// IsStandIn tells by an image's labels whether it was made here in place of the published one.
func IsStandIn(labels map[string]string) bool {
	return strings.HasSuffix(labels["org.opencontainers.image.title"], "a stand-in")
}

// LookStandIns finds the stand-ins among images, by their ids. Those that are gone are left out.
func LookStandIns(ctx context.Context, ids []string) []StandIn {
	if len(ids) == 0 {
		return nil
	}
	args := append([]string{"docker", "image", "inspect", "--format", `{"Names":{{json .RepoTags}},"Labels":{{json .Config.Labels}}}`}, ids...)
	answer, _ := proc.Command{Args: args}.Output(ctx) // an image that is gone is an error, beside what is printed of the others
	return parseStandIns(answer)
}

// parseStandIns reads one image a line.
func parseStandIns(answer string) []StandIn {
	var found []StandIn
	for line := range strings.Lines(answer) {
		var image struct {
			Names  []string
			Labels map[string]string
		}
		if json.Unmarshal([]byte(line), &image) != nil || len(image.Names) == 0 || !IsStandIn(image.Labels) {
			continue
		}
		found = append(found, StandIn{Names: image.Names, Title: image.Labels["org.opencontainers.image.title"]})
	}
	return found
}
