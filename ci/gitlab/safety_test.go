package gitlab

import (
	"slices"
	"strings"
	"testing"
)

// jobs expands the component of this repository.
func jobs(t *testing.T, inputs string) []Job {
	t.Helper()
	expanded, err := template(t).Expand(values(t, inputs))
	if err != nil {
		t.Fatal(err)
	}
	all, err := Jobs(expanded)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestComponentKeepsItsPromises(t *testing.T) {
	for _, engine := range []string{"socket", "dind", "remote"} {
		for _, deploy := range []string{"true", "false"} {
			all := jobs(t, "{module: ., model: m, publish: "+deploy+", deploy: "+deploy+", engine: "+engine+", job-prefix: two-}")
			for _, problem := range Problems(all) {
				t.Errorf("engine %s, deploy %s: %s", engine, deploy, problem)
			}
			for _, job := range all {
				if !strings.HasPrefix(job.Name, "two-") || slices.ContainsFunc(job.Needs, func(need Need) bool { return !strings.HasPrefix(need.Job, "two-") }) {
					t.Errorf("job %s or one of its needs lacks the prefix", job.Name)
				}
				if dind := len(job.Services) > 0; dind != (engine == "dind") {
					t.Errorf("engine %s: job %s has services: %t", engine, job.Name, dind)
				}
			}
		}
	}
}

// Each job by what the issue asks of it.
func TestJobs(t *testing.T) {
	all := map[string]Job{}
	for _, job := range jobs(t, "{module: ., model: m, runner-tags: [any], train-tags: [gpus], release-tags: [safe]}") {
		all[job.Name] = job
	}
	for name, want := range map[string]struct {
		tag           string
		interruptible bool
		group         string
		needs         []string
	}{
		"lint":        {"any", true, "", nil},
		"test":        {"any", true, "", nil},
		"scan":        {"any", true, "", nil},
		"train":       {"gpus", false, "m-train", []string{"lint", "test", "scan"}},
		"evaluate":    {"safe", false, "", []string{"train"}},
		"export":      {"safe", false, "", []string{"train", "evaluate"}},
		"publish":     {"safe", false, "", []string{"export"}},
		"sign":        {"safe", false, "m-release", []string{"export"}},
		"push":        {"safe", false, "m-release", []string{"export", "sign", "publish"}},
		"deploy-test": {"safe", false, "m-release", []string{"export", "push"}},
		"approve":     {"safe", false, "m-release", []string{"export", "deploy-test"}},
		"canary":      {"safe", false, "m-release", []string{"export", "approve"}},
		"promote":     {"safe", false, "m-release", []string{"export", "approve", "canary"}},
		"rollback":    {"safe", false, "m-release", []string{"export", "canary"}},
	} {
		job, found := all[name]
		if !found {
			t.Errorf("no job %s", name)
			continue
		}
		delete(all, name)
		var needs []string
		for _, need := range job.Needs {
			needs = append(needs, need.Job)
		}
		if !slices.Equal(job.Tags, []string{want.tag}) || job.Interruptible == nil || *job.Interruptible != want.interruptible ||
			job.ResourceGroup != want.group || !slices.Equal(needs, want.needs) {
			t.Errorf("job %s: tags %q, interruptible %v, resource group %q, needs %q; want %+v",
				name, job.Tags, *job.Interruptible, job.ResourceGroup, needs, want)
		}
	}
	for name := range all {
		t.Errorf("job %s is in no line of this table", name)
	}
}

func TestProblems(t *testing.T) {
	const good = `dagger --progress=plain call -m "." publish --password "env://P?cacheKey=p"`
	protected := []Rule{{If: request, When: "never"}, {If: protectedRef}}
	for name, test := range map[string]struct {
		job  Job
		says string
	}{
		"a good one":          {Job{Script: lines{good}, Rules: protected}, ""},
		"no rules":            {Job{Script: lines{good}}, "has no rules"},
		"any branch":          {Job{Script: lines{good}, Rules: []Rule{{If: request, When: "never"}, {If: "$CI_COMMIT_BRANCH"}}}, `rule "$CI_COMMIT_BRANCH" does not ask for`},
		"protected or else":   {Job{Script: lines{good}, Rules: []Rule{{If: request, When: "never"}, {If: protectedRef + ` || $X`}}}, "does not ask for"},
		"a request first":     {Job{Script: lines{good}, Rules: []Rule{{If: protectedRef}}}, "no rule before"},
		"always":              {Job{Script: lines{good}, Rules: []Rule{{If: request, When: "never"}, {When: "always"}}}, "does not ask for"},
		"an identity":         {Job{Script: lines{`dagger --progress=plain call -m "." lint check`}, IDTokens: map[string]any{"T": 1}}, "has no rules"},
		"no name for caches":  {Job{Script: lines{`dagger --progress=plain call -m "." publish --password "env://P"`}, Rules: protected}, "?cacheKey=NAME"},
		"a shell's or":        {Job{Script: lines{good + " || true"}, Rules: protected}, `holds logic: "|"`},
		"a second command":    {Job{Script: lines{good + "; rm x"}, Rules: protected}, `holds logic: ";"`},
		"a redirection":       {Job{Script: lines{good + " > x"}, Rules: protected}, `holds logic: ">"`},
		"another program":     {Job{Script: lines{"make"}, Rules: protected}, "no call of the pinned CLI"},
		"two that decide":     {Job{Script: lines{`dagger --progress=plain call -m "." lint check`, `dagger --progress=plain call -m "." test check`}}, "script line 1 neither fetches a report nor decides"},
		"three lines":         {Job{Script: lines{good, good, good}, Rules: protected}, "3 lines"},
		"no line":             {Job{}, "0 lines"},
		"after it":            {Job{Script: lines{good}, Rules: protected, AfterScript: lines{"true"}}, "after_script"},
		"another's artifacts": {Job{Script: lines{good}, Rules: protected, Needs: []Need{{Job: "x", Project: "other/project"}}}, "artifacts of another pipeline"},
		"a second training":   {Job{Script: lines{`dagger --progress=plain call -m "." train evaluate check`}}, "only train trains"},
		"a hidden training":   {Job{Script: lines{`dagger --progress=plain call -m "." evaluate check`}}, "only train trains"},
		"a model from before": {Job{Script: lines{`dagger --progress=plain call -m "." model --directory out/models evaluate check`}}, ""},
	} {
		test.job.Name = "x"
		problems := strings.Join(Problems([]Job{test.job}), "\n")
		if test.says == "" && problems != "" || !strings.Contains(problems, test.says) {
			t.Errorf("%s: %q, want %q", name, problems, test.says)
		}
	}
}
