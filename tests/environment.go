package main

import (
	"context"
	"fmt"
	"strings"
)

// environment: requirements are installed beside the image's TensorFlow, or refused; never instead of it.
func (t *Tests) environment() []check {
	bad := []struct {
		name, requirements string
		want               []string
	}{
		{"requirements that do not exist", "pandas==99.9\n", []string{"requirements.txt cannot be installed", "pandas"}},
		{"another NumPy", "numpy>=2\n", []string{"would replace the image's numpy 1.26.4 by 2."}},
		{"another TensorFlow", "tensorflow-cpu==2.17.0\n", []string{"would replace the image's tensorflow-cpu 2.16.2 by 2.17.0"}},
		{"another TensorFlow by another name", "tensorflow==2.17.0\n", []string{"would replace the image's tensorflow-cpu 2.16.2 by 2.17.0"}},
		{"what needs another TensorFlow", "tf-keras==2.17.0\n", []string{"requirements.txt does not fit the image", "tf-keras 2.17.0 needs tensorflow", "there is 2.16.2"}},
		{"another Keras by a hashed file", "keras==3.15.1 --hash=sha256:" + strings.Repeat("0", 64) + "\n", []string{"would replace the image's keras 3.4.1 by 3.15.1"}},
		{"a file that is not one", "this is ; not @@ a requirement\n", []string{"requirements.txt cannot be installed"}},
	}
	var checks []check
	for _, bad := range bad {
		checks = append(checks, check{"environment/refuses " + bad.name, func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("requirements.txt", bad.requirements)).Environment().Sync(ctx)
			return refused(err, bad.want...)
		}})
	}
	return append(checks,
		check{"environment/installs beside the image's TensorFlow", func(ctx context.Context) error {
			said, err := line(t.Phishing).Environment().
				WithExec([]string{"python3", "-c", "import pandas, sklearn, tensorflow, numpy; print(tensorflow.__version__, numpy.__version__)"}).Stdout(ctx)
			if err != nil {
				return err
			}
			if strings.TrimSpace(said) != "2.21.0 2.4.3" {
				return fmt.Errorf("TensorFlow and NumPy are %q, want those of the image: 2.21.0 2.4.3", said)
			}
			return nil
		}},
		check{"environment/a change of code installs nothing", func(ctx context.Context) error {
			record := func(code string) (string, error) {
				return line(t.Phishing.WithNewFile("src/added.py", code)).Environment().File("/line/install/run.json").Contents(ctx)
			}
			before, err := record("first = 1\n")
			if err != nil {
				return err
			}
			after, err := record("second = 2\n")
			if err == nil && before != after {
				return fmt.Errorf("the requirements were installed again: %s, then %s", before, after)
			}
			return err
		}},
		check{"environment/a project without a requirements file is told so", func(ctx context.Context) error {
			_, err := line(tiny().WithoutFile("requirements.txt")).Environment().Sync(ctx)
			return refused(err, "the project has no requirements.txt")
		}},
	)
}
