package gitlab

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	// secret is how a call names what must stay secret, and whatever else only a protected job may hold.
	secret = regexp.MustCompile(`env://|file://\$|op://|vault://|aws\+|_(?:TOKEN|PASSWORD|KEY|SECRET)\b`)
	// rotating is a secret whose value differs in each job; the engine's cache must know it by a name.
	rotating = regexp.MustCompile(`env://[^"\s?]+(\?cacheKey=[^"\s&]+)?`)
	// call is the one thing that a script does.
	call = regexp.MustCompile(`^dagger --progress=plain call -m `)
	// quoted is a text in which the shell joins, redirects and branches nothing.
	quoted = regexp.MustCompile(`"[^"]*"`)
	// logic are the characters by which a shell does more than to start a program.
	logic = regexp.MustCompile("[;&|<>`()]|\\$\\(")
)

const (
	protectedRef = `$CI_COMMIT_REF_PROTECTED == "true"`
	request      = `$CI_PIPELINE_SOURCE == "merge_request_event"`
)

// Problems are the places where the component's jobs break what they promise: that no branch which anybody may change
// reaches a secret, that no script holds logic, and that no job but train trains.
func Problems(jobs []Job) []string {
	var problems []string
	for _, job := range jobs {
		for _, wrong := range slices.Concat(job.unprotected(), job.shared(), job.logic(), job.training()) {
			problems = append(problems, fmt.Sprintf("job %s: %s", job.Name, wrong))
		}
	}
	return problems
}

// unprotected says how a job that holds secrets could run for a branch that is not protected.
func (j Job) unprotected() []string {
	if !j.privileged() {
		return nil
	}
	if len(j.Rules) == 0 {
		return []string{"it holds secrets or an environment, and has no rules: any branch runs it"}
	}
	var problems []string
	requests := false
	for _, rule := range j.Rules {
		switch {
		case rule.When == "never":
			requests = requests || rule.If == request
		case strings.Contains(rule.If, "||") || !slices.Contains(clauses(rule.If), protectedRef):
			problems = append(problems, fmt.Sprintf("it holds secrets or an environment, and its rule %q does not ask for %s", rule.If, protectedRef))
		case !requests:
			// GitLab can call the pipeline of a merge request protected
			problems = append(problems, fmt.Sprintf("it holds secrets or an environment, and no rule before %q says never to %s", rule.If, request))
		}
	}
	for _, line := range slices.Concat(j.Script, j.BeforeScript, j.AfterScript) {
		for _, match := range rotating.FindAllStringSubmatch(line, -1) {
			if match[1] == "" {
				problems = append(problems, fmt.Sprintf("%s has no ?cacheKey=NAME: its value changes with each job, and nothing would be served from the cache", match[0]))
			}
		}
	}
	return problems
}

// privileged tells the jobs that hold a secret, a GitLab identity or an environment.
func (j Job) privileged() bool {
	if len(j.IDTokens) > 0 || len(j.Secrets) > 0 || !j.Environment.IsZero() {
		return true
	}
	return slices.ContainsFunc(slices.Concat(j.Script, j.BeforeScript, j.AfterScript), secret.MatchString)
}

// clauses are the parts of a condition that must all hold.
func clauses(condition string) []string {
	parts := strings.Split(condition, "&&")
	for at := range parts {
		parts[at] = strings.TrimSpace(parts[at])
	}
	return parts
}

// shared says what a job takes from pipelines of other branches.
func (j Job) shared() []string {
	var problems []string
	if !j.Cache.IsZero() {
		problems = append(problems, "it has a cache, which other branches may have filled; the engine's own needs none")
	}
	for _, need := range j.Needs {
		if need.Project != "" || need.Pipeline != "" {
			problems = append(problems, "it takes artifacts of another pipeline: want jobs of its own alone in needs")
		}
	}
	return problems
}

// logic says which lines of a script are more than a call: a report first, if any, then the one that decides.
func (j Job) logic() []string {
	var problems []string
	for at, line := range j.Script {
		switch bare := quoted.ReplaceAllString(line, `""`); {
		case !call.MatchString(line):
			problems = append(problems, fmt.Sprintf("script line %d is no call of the pinned CLI: %.60q", at+1, line))
		case logic.MatchString(bare):
			problems = append(problems, fmt.Sprintf("script line %d holds logic: %.60q", at+1, logic.FindString(bare)))
		case at < len(j.Script)-1 && !strings.Contains(line, " export --path "):
			problems = append(problems, fmt.Sprintf("script line %d neither fetches a report nor decides: the last line decides", at+1))
		}
	}
	if len(j.Script) == 0 || len(j.Script) > 2 {
		problems = append(problems, fmt.Sprintf("its script has %d lines: want the call that decides, and before it at most the one that fetches its report", len(j.Script)))
	}
	if len(j.AfterScript) > 0 {
		problems = append(problems, "it has an after_script, which runs also where no engine answers")
	}
	return problems
}

// trains finds the module's functions that train when they must.
var trains = regexp.MustCompile(`\s(train|evaluate|run|pipeline|experiments)\s`)

// training says where a job other than train would train: only what follows model --directory takes a model that is there.
func (j Job) training() []string {
	var problems []string
	for _, line := range j.Script {
		before, _, _ := strings.Cut(line, " model --directory ")
		if strings.HasSuffix(j.Name, "train") != trains.MatchString(before+" ") {
			problems = append(problems, fmt.Sprintf("script: only train trains, all jobs after it take the model by model --directory: %.200q", line[len(line)-min(len(line), 80):]))
		}
	}
	return problems
}
