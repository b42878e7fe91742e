package config

import (
	"fmt"
	"strings"
	"testing"
)

// refused is a text and what the message about it begins with, after the file's name.
type refused struct{ text, want string }

func TestParseRefuses(t *testing.T) {
	for group, tests := range map[string][]refused{
		"structure": {
			{"[]", `1: a list is no mapping; allowed: a mapping with evaluate, exports, gate, image-lock, images, lint, model, platform, platforms, release, report, requirements, scan, test, train, version`},
			{"hello", `1: "hello" is no mapping; allowed: a mapping with `},
			{"version: 1\n\ntrian: {}\n", `3: trian: unknown key: did you mean train?; allowed: evaluate, exports, gate, `},
			{"train:\n  time_limit: 1h\n", `2: train.time_limit: unknown key: did you mean time-limit?; allowed: args, `},
			{"image: tensorflow/tensorflow:2.16.2", `1: image: unknown key: did you mean images?; `},
			{"x: 1", `1: x: unknown key; allowed: evaluate, `},
			{"\"a\\nb\": 1", `1: "a\nb": unknown key; `},
			{"? [a]\n: 1", `1: a list stands where a key should; `},
			{"model: a\ntest: {}\nmodel: b\n", `3: model: the key is there twice, first in line 1; allowed: each key once`},
			{"train: {args: {a: 1, a: 2}}", `1: train.args.a: the key is there twice, first in line 1; `},
			{"train: 5", `1: train: "5" is no mapping; allowed: a mapping with args, `},
			{"train:", `1: train: an empty value is no mapping; `},
			{"model: a\n---\nmodel: b\n", `2: a second document begins; allowed: one document`},
			{"---\n---\nmodel: b\n", `2: a second document begins; allowed: one document`},
			{"a: [1\n", `1: this is not YAML: did not find expected ',' or ']'`},
			{"\tmodel: a", `1: this is not YAML: found character that cannot start any token`},
			{"model: a\x00", `1: this is not YAML: control characters are not allowed`},
			{"model: ok\nlint: \xff\n", `2: byte 0xff is not UTF-8; allowed: UTF-8 text`},
			{"\xff\xfem\x00", `1: byte 0xff is not UTF-8; allowed: UTF-8 text`},
			{strings.Repeat("#", maxSize+1), `1: the file has 1048577 bytes; allowed: at most 1 MiB`},
			{strings.Repeat("[", 20_000), `1: this is not YAML: exceeded max depth of 10000`},
			{"model: &a phishing", `1: &a names a part of the file to repeat it; allowed: values without anchors`},
			{"model: !!str 5", `1: the tag "!!str" sets a type; allowed: values without tags; quote what must be text`},
			{"model: !!python/object/apply:os.system [reboot]", `1: the tag "!!python/object/apply:os.system" sets a type; `},
			{"<<: {model: a}", `1: <<: unknown key; `},
		},
		"version and model": {
			{"version: 2", `1: version: 2 is out of range; allowed: 1`},
			{"version: '1'", `1: version: "1" is no whole number; allowed: 1`},
			{"version: 1.0", `1: version: "1.0" is no whole number; allowed: 1`},
			{"model: 5", `1: model: "5" is not text (quote it to make it text); allowed: up to 63 of a-z`},
			{"model: true", `1: model: "true" is not text (quote it to make it text); `},
			{"model: 2024-01-01", `1: model: "2024-01-01" is not text (quote it to make it text); `},
			{"model:", `1: model: an empty value is not text; `},
			{"model: [a]", `1: model: a list is not text; `},
			{"model: ''", `1: model: "" is no name for a model; `},
			{"model: ../a", `1: model: "../a" is no name for a model; `},
			{"model: -a", `1: model: "-a" is no name for a model; `},
			{"model: $(reboot)", `1: model: "$(reboot)" is no name for a model; `},
			{"model: \"a\\n\"", `1: model: "a\n" is no name for a model; `},
			{"model: 🔥", `1: model: "🔥" is no name for a model; `},
			{"model: " + strings.Repeat("a", 64), `1: model: "aaa`},
			{"model: " + strings.Repeat("a", 10_000), `1: model: "` + strings.Repeat("a", maxShown) + `"… is no name for a model; `},
		},
		"images": {
			{"images: {tensorflow: tensorflow/tensorflow}", `1: images.tensorflow: image "tensorflow/tensorflow": it has neither a tag nor a digest`},
			{"images:\n  serving: tensorflow/serving:latest", `2: images.serving: image "tensorflow/serving:latest": the tag latest moves`},
			{"images: {trivy: aquasec/trivy:0.69.4}", `1: images.trivy: image "aquasec/trivy:0.69.4": Trivy 0.69.4 is malicious`},
			{"images: {tensorflow: 2.16}", `1: images.tensorflow: "2.16" is not text (quote it to make it text); `},
			{"images: {tensorflwo: a:1}", `1: images.tensorflwo: unknown key: did you mean tensorflow?; allowed: busybox, node, python, rclone, serving, tensorflow, tensorflow-gpu, trivy`},
			{"images: [a:1]", `1: images: a list is no mapping; `},
		},
		"paths": {
			{"requirements: /etc/passwd", `1: requirements: the path "/etc/passwd" is absolute; allowed: a path inside the project, or none`},
			{"requirements: ''", `1: requirements: the path is empty; `},
			{"requirements:", `1: requirements: an empty value is not text; `},
			{"test: {paths: [tests, ../other]}", `1: test.paths[1]: the path "../other" leaves the project; `},
			{"test:\n  paths:\n  - tests\n  - a/../../b\n", `4: test.paths[1]: the path "a/../../b" leaves the project; `},
			{"test: {paths: [-x]}", `1: test.paths[0]: the path "-x" starts with a dash, like a flag; `},
			{"test: {paths: [./-x]}", `1: test.paths[0]: the path "./-x" starts with a dash, like a flag; `},
			{"test: {paths: ['C:\\x']}", `1: test.paths[0]: the path "C:\\x" contains \, and parts of a path are separated by /; `},
			{"test: {paths: [\"a\\tb\"]}", `1: test.paths[0]: the path "a\tb" contains a character that cannot be printed; `},
			{"test: {paths: []}", `1: test.paths: the list is empty; allowed: a list of paths inside the project, such as [src, tests]`},
			{"test: {paths: tests}", `1: test.paths: "tests" is no list; allowed: a list of paths`},
			{"test: {paths: [tests, tests/]}", `1: test.paths[1]: "tests" is there twice; allowed: each once`},
			{"test: {paths: [[a]]}", `1: test.paths[0]: a list is not text; `},
			{"lint: {paths: [" + strings.Repeat("a", 256) + "]}", `1: lint.paths[0]: a part of the path "aaa`},
			{"lint: {paths: [" + strings.Repeat("a/", 600) + "]}", `1: lint.paths[0]: the path is 1200 bytes long, and 1024 are the most; `},
			{"train: {script: train}", `1: train.script: "train" is no Python file; allowed: a Python file inside the project, such as train.py`},
			{"train: {script: ..}", `1: train.script: the path ".." leaves the project; `},
			{"train: {data: /data}", `1: train.data: the path "/data" is absolute; `},
			{"train: {data: .}", `1: train.data: the path "." is the whole project; `},
			{"requirements: a/..", `1: requirements: the path "a/.." is the whole project; `},
			{"train: {ignore: ['']}", `1: train.ignore[0]: the pattern is empty; `},
			{"train: {ignore: [../x]}", `1: train.ignore[0]: the pattern "../x" leaves the project; `},
			{"scan: {ignore-file: ~/.trivyignore/../../..}", `1: scan.ignore-file: the path "~/.trivyignore/../../.." leaves the project; `},
		},
		"numbers and times": {
			{"test: {coverage: {minimum: 101}}", `1: test.coverage.minimum: 101 is out of range; allowed: a number from 0 to 100`},
			{"test: {coverage: {minimum: 80%}}", `1: test.coverage.minimum: "80%" is no number; `},
			{"test: {coverage: {minimum: .nan}}", `1: test.coverage.minimum: ".nan" is no number; `},
			{"test: {coverage: {minimum: .inf}}", `1: test.coverage.minimum: ".inf" is no number; `},
			{"test: {coverage: 80}", `1: test.coverage: "80" is no mapping; allowed: a mapping with minimum, source`},
			{"test: {time-limit: -5m}", `1: test.time-limit: -5m is out of range; allowed: a time from 1s to 168h with its unit, such as 90s, 15m or 1h30m`},
			{"test: {time-limit: 0s}", `1: test.time-limit: 0s is out of range; `},
			{"test: {time-limit: 500ms}", `1: test.time-limit: 500ms is out of range; `},
			{"test: {time-limit: 169h}", `1: test.time-limit: 169h is out of range; `},
			{"test: {time-limit: 900}", `1: test.time-limit: "900" is no time; `},
			{"test: {time-limit: 7d}", `1: test.time-limit: "7d" is no time; `},
			{"test: {time-limit: [1h]}", `1: test.time-limit: a list is no time; `},
			{"train: {time-limit: 99999999999999999999h}", `1: train.time-limit: "99999999999999999999h" is no time; `},
			{"train: {memory: 255MiB}", `1: train.memory: 255MiB is out of range; allowed: an amount from 256MiB to 16TiB with its unit, such as 512MiB, 8GiB or 1.5GiB, or none`},
			{"train: {memory: 17TiB}", `1: train.memory: 17TiB is out of range; `},
			{"train: {memory: -1GiB}", `1: train.memory: -1GiB is out of range; `},
			{"train: {memory: 8}", `1: train.memory: "8" is no amount of memory; `},
			{"train: {memory: 8GB}", `1: train.memory: "8GB" is no amount of memory; `},
			{"train: {memory: GiB}", `1: train.memory: "GiB" is no amount of memory; `},
			{"train: {memory: NaNGiB}", `1: train.memory: "NaNGiB" is no amount of memory; `},
			{"train: {memory: InfGiB}", `1: train.memory: InfGiB is out of range; `},
			{"train: {memory: 1e3GiB}", `1: train.memory: "1e3GiB" is no amount of memory; `},
			{"train: {memory: [1GiB]}", `1: train.memory: a list is no amount of memory; `},
			{"train: {seed: 1.5}", `1: train.seed: "1.5" is no whole number; allowed: a whole number from 0 to 4294967295`},
			{"train: {seed: -1}", `1: train.seed: -1 is out of range; `},
			{"train: {seed: 010}", `1: train.seed: "010" is no whole number; `},
			{"train: {seed: 4294967296}", `1: train.seed: 4294967296 is out of range; `},
			{"train: {seed: 99999999999999999999}", `1: train.seed: "99999999999999999999" is no whole number; `},
			{"train: {workers: 0}", `1: train.workers: 0 is out of range; allowed: a whole number from 1 to 64`},
			{"train: {workers: 65}", `1: train.workers: 65 is out of range; `},
			{"train: {threads: 0}", `1: train.threads: 0 is out of range; allowed: auto, or a whole number from 1 to 256`},
			{"train: {threads: all}", `1: train.threads: "all" is no whole number; allowed: auto, or a whole number from 1 to 256`},
			{"train: {threads: [auto]}", `1: train.threads: a list is no whole number; `},
			{"train: {reproducible: seed}", `1: train.reproducible: "seed" is none of the choices: did you mean seeded?; allowed: off, seeded, host, portable`},
			{"evaluate: {threshold: 1.5}", `1: evaluate.threshold: 1.5 is out of range; allowed: a number from 0 to 1`},
			{"evaluate: {threshold: '0.5'}", `1: evaluate.threshold: "0.5" is no number; `},
			{"exports: [tflite, pb]", `1: exports[1]: "pb"`},
			{"exports: tflite", `1: exports: `},
			{"release: {canary-percent: 101}", `1: release.canary-percent: 101 is out of range; allowed: a whole number from 0 to 100`},
			{"release: {approvals: -1}", `1: release.approvals: -1 is out of range; allowed: a whole number from 0 to 10`},
		},
		"choices": {
			{"train: {reproducible: hots}", `1: train.reproducible: "hots" is none of the choices: did you mean host?; allowed: off, seeded, host, portable`},
			{"train: {reproducible: yes}", `1: train.reproducible: "yes" is none of the choices; allowed: off, seeded, host, portable`},
			{"train: {reproducible: [host]}", `1: train.reproducible: a list is none of the choices; `},
			{"train: {gpus: some}", `1: train.gpus: "some" names no GPU; allowed: none, all, or UUIDs and indices`},
			{"train: {gpus: -1}", `1: train.gpus: "-1" names no GPU; `},
			{"train: {gpus: ''}", `1: train.gpus: "" names no GPU; `},
			{"train: {gpus: '0,'}", `1: train.gpus: "" names no GPU; `},
			{"train: {gpus: '1,1'}", `1: train.gpus: 1 is there twice; allowed: each GPU once`},
			{"train: {gpus: GPU-$(reboot)}", `1: train.gpus: "GPU-$(reboot)" names no GPU; `},
			{"train: {gpus: [0]}", `1: train.gpus: a list names no GPUs; `},
			{"evaluate: {task: ranking}", `1: evaluate.task: "ranking" is none of the choices; allowed: auto, binary, multiclass, regression`},
			{"evaluate: {label: -x}", `1: evaluate.label: the name "-x" starts with a dash, like a flag; `},
			{"evaluate: {label: ' '}", `1: evaluate.label: the name is empty; `},
			{"evaluate: {output: \"a\\0\"}", `1: evaluate.output: the name "a\x00" contains a character that cannot be printed; `},
			{"evaluate: {signature: " + strings.Repeat("é", 201) + "}", `1: evaluate.signature: the name "éé`},
			{"evaluate: {slices: ['a,b']}", `1: evaluate.slices[0]: "a,b" contains = or ,; allowed: the name of a column, without = and ,`},
			{"scan: {severity: [high]}", `1: scan.severity[0]: "high" is none of the choices; allowed: UNKNOWN, LOW, MEDIUM, HIGH, CRITICAL`},
			{"scan: {severity: []}", `1: scan.severity: the list is empty; `},
			{"scan: {targets: {serving: {severity: [HIGH, HIGH]}}}", `1: scan.targets.serving.severity[1]: "HIGH" is there twice; `},
			{"scan: {targets: {servng: {}}}", `1: scan.targets.servng: unknown key: did you mean serving?; allowed: environment, image, model, serving, source`},
			{"scan: {ignore-file: .trivyignore}", `1: scan.ignore-file: ".trivyignore" is no YAML file; `},
			{"scan: {database: aquasec/trivy-db}", `1: scan.database: image "aquasec/trivy-db": it has neither a tag nor a digest`},
			{"scan: {max-database-days: 91}", `1: scan.max-database-days: 91 is out of range; allowed: a whole number from 1 to 90`},
			{"scan: {denied-licenses: [GPL 3]}", `1: scan.denied-licenses[0]: "GPL 3" is no name of a license; `},
			{"scan: {unproven: [Alpine Linux]}", `1: scan.unproven[0]: "Alpine Linux" is no name of a system or language; `},
			{"scan: {unproven: alpine}", `1: scan.unproven: "alpine" is no list; `},
			{"scan: {registries: [https://docker.io]}", `1: scan.registries[0]: "https://docker.io" is no registry; `},
			{"scan: {ignore-unfixed: yes}", `1: scan.ignore-unfixed: "yes" is neither true nor false; allowed: true, false`},
			{"scan: {ignore-unfixed: 'true'}", `1: scan.ignore-unfixed: "true" is neither true nor false; `},
			{"release: {store: /tmp/models}", `1: release.store: "/tmp/models" is no place in an object store; allowed: s3://bucket/prefix, gs://bucket/prefix or, to try things out, file:///name`},
			{"release: {store: file://host/models}", `1: release.store: "file://host/models" is no place in an object store; `},
			{"release: {settle: 2h}", `1: release.settle: 2h is out of range; allowed: a time from 0s to 1h`},
			{"release: {settle: -1s}", `1: release.settle: -1s is out of range`},
			{"release: {approval-expiry: 0s}", `1: release.approval-expiry: 0s is out of range`},
			{"release: {serving-path: models}", `1: release.serving-path: "models" is no place that servers can read`},
			{"release: {serving-path: /a/../b}", `1: release.serving-path: "/a/../b" is no place`},
			{"release: {four-eyes: maybe}", `1: release.four-eyes: "maybe" is neither true nor false`},
			{"release: {store: 's3://bucket/../x'}", `1: release.store: "s3://bucket/../x" is no place in an object store; `},
			{"release: {store: 's3://key:secret@bucket/x'}", `1: release.store: "s3://key:secret@bucket/x" is no place`},
		},
		"arguments": {
			{"train: {args: [--epochs, 5]}", `1: train.args: a list is no mapping; allowed: a mapping of arguments such as {epochs: 50}`},
			{"train: {args: {--epochs: 5}}", `1: train.args.--epochs: "--epochs" is no name of an argument; allowed: names of a-z 0-9 - _`},
			{"train: {args: {Epochs: 5}}", `1: train.args.Epochs: "Epochs" is no name of an argument; `},
			{"train: {args: {a b: 5}}", `1: train.args.a b: "a b" is no name of an argument; `},
			{"train: {args: {'': 5}}", `1: train.args."": "" is no name of an argument; `},
			{"train: {args: {model-dir: x}}", `1: train.args.model-dir: --model-dir is set by the line; `},
			{"train: {args: {checkpoint_dir: x}}", `1: train.args.checkpoint_dir: --checkpoint_dir is set by the line; `},
			{"train: {args: {epochs: }}", `1: train.args.epochs: an empty value cannot be passed to the script; allowed: text, a number, true (the name alone)`},
			{"train: {args: {epochs: {a: 1}}}", `1: train.args.epochs: a mapping cannot be passed to the script; `},
			{"train: {args: {layer: [[1]]}}", `1: train.args.layer[0]: a list cannot be passed to the script; `},
			{"train: {args: {layer: [1, true]}}", `1: train.args.layer[1]: true in a list is neither a flag nor a value; allowed: it in quotes, "true", to pass the word`},
			{"train: {args: {x: \"a\\0b\"}}", `1: train.args.x: the text "a\x00b" contains bytes that no argument can; `},
			{"train: {args: {x: " + strings.Repeat("a", 70_000) + "}}", `1: train.args.x: the text is 70000 bytes long, and 65536 are the most; `},
		},
		"gate": {
			{"gate: {metric: accuracy}", `1: gate: a mapping is no list; allowed: a list of rules such as {metric: accuracy, minimum: 0.9}`},
			{"gate: [accuracy]", `1: gate[0]: "accuracy" is no mapping; allowed: a mapping with max-drop, maximum, metric, minimum, slice`},
			{"gate:\n- {metric: accuracy, minimum: 0.9}\n- {metric: auc, minimum: 1.5}\n", `3: gate[1].minimum: 1.5 is out of range; allowed: a number from 0 to 1`},
			{"gate: [{metric: macro_f1, maximum: -0.1}]", `1: gate[0].maximum: -0.1 is out of range; allowed: a number from 0 to 1`},
			{"gate: [{metric: accuracy, max-drop: 1.5}]", `1: gate[0].max-drop: 1.5 is out of range; allowed: a number from 0 to 1`},
			{"gate: [{metric: loss, max-drop: -1}]", `1: gate[0].max-drop: -1 is out of range; allowed: a number, 0 or more`},
			{"gate: [{minimum: 1.5, metric: precision}]", `1: gate[0].minimum: 1.5 is out of range; `},
			{"gate: [{metric: loss, maximum: .inf}]", `1: gate[0].maximum: ".inf" is no number; allowed: a number`},
			{"gate: [{metric: accuracy}]", `1: gate[0]: the rule sets no limit; allowed: one or more of minimum, maximum, max-drop`},
			{"gate: [{minimum: 0.5}]", `1: gate[0]: the rule names no metric; allowed: a metric such as accuracy`},
			{"gate: [{metric: '', minimum: 0.5}]", `1: gate[0].metric: "" is no name of a metric; `},
			{"gate: [{metric: a b, minimum: 0.5}]", `1: gate[0].metric: "a b" is no name of a metric; `},
			{"gate: [{metric: accuracy, minimum: 0.9, maximum: 0.8}]", `1: gate[0]: no figure is at least 0.9 and at most 0.8; `},
			{"gate: [{metric: accuracy, minimun: 0.9}]", `1: gate[0].minimun: unknown key: did you mean minimum?; `},
			{"gate: [{metric: accuracy, minimum: high}]", `1: gate[0].minimum: "high" is no number; allowed: a number from 0 to 1`},
			{"gate: [{metric: accuracy, minimum: 0.9, slice: age}]", `1: gate[0].slice: "age" names no slice; allowed: column=value, such as age=1`},
			{"gate: [{metric: accuracy, minimum: 0.9, slice: '=1'}]", `1: gate[0].slice: the name is empty; `},
			{"gate: [{metric: accuracy, minimum: 0.9, slice: 'a='}]", `1: gate[0].slice: "a=" names no slice; `},
		},
	} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s/%.40q", group, test.text), func(t *testing.T) {
				got, err := Parse([]byte(test.text))
				if err == nil {
					t.Fatalf("got %+v, want a refusal", got)
				}
				if want := FileName + ":" + test.want; !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got  %s\nwant %s", err, want)
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("more than one problem: %s", err)
				}
				if len(err.Error()) > 500 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
					t.Errorf("unfit for a log: %.600q", err)
				}
			})
		}
	}
}

func TestParseReportsAll(t *testing.T) {
	_, err := Parse([]byte("train: {seed: x}\nmodel: A\nversion: 2\ngate:\n- {metric: auc, minimum: 2}\ntets: {}\n"))
	if err == nil {
		t.Fatal("got no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for at, want := range []string{
		"tensorflow-ci.yaml:1: train.seed: ", "tensorflow-ci.yaml:2: model: ", "tensorflow-ci.yaml:3: version: ",
		"tensorflow-ci.yaml:5: gate[0].minimum: ", "tensorflow-ci.yaml:6: tets: unknown key: did you mean test?",
	} {
		if at >= len(lines) || !strings.HasPrefix(lines[at], want) {
			t.Errorf("line %d does not begin with %q in:\n%s", at, want, err)
		}
	}
}

func TestParseListsSoManyProblems(t *testing.T) {
	var text strings.Builder
	for number := range 1_000 {
		fmt.Fprintf(&text, "key%d: 1\n", number)
	}
	_, err := Parse([]byte(text.String()))
	if err == nil || strings.Count(err.Error(), "\n") != maxProblems || !strings.HasSuffix(err.Error(), "and 950 more problems") {
		t.Errorf("got %v", err)
	}
}

func TestParseRefusesAliasBombs(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for name := 'b'; name <= 'k'; name++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", name, name, strings.Repeat(fmt.Sprintf("*%c, ", name-1), 9))
	}
	_, err := Parse([]byte(bomb))
	if err == nil || !strings.Contains(err.Error(), "tensorflow-ci.yaml:2: the alias *a stands for another part of the file") {
		t.Errorf("got %v", err)
	}
}

// FuzzParse holds that any text is either refused with a message that names the file, or means settings that hold
// against the same checks again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		sample, "", "a: &a [*a]", "? [x]\n: y", "train: {args: {a: [1, true, {}]}}", "gate: [{metric: auc, minimum: 1e999}]",
		"---\n---\n", "%YAML 1.1\n---\n!!map {}", "version: 0x1", "\xff", "<<: *x", "model: |\n  a\n", "[[[[", "test: {paths: [\"\\u0000\"]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		settings, err := Parse(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), FileName+":") {
				t.Errorf("a message without its place: %q", err)
			}
			return
		}
		if _, err := settings.Override([]string{
			"model=" + settings.Model, "requirements=" + settings.Requirements, "train.script=" + settings.Train.Script,
			"train.data=" + settings.Train.Data, "train.gpus=" + settings.Train.GPUs, "train.time-limit=" + settings.Train.TimeLimit.String(),
		}); err != nil {
			t.Errorf("settings that were accepted are refused: %v", err)
		}
	})
}
