package main

import "context"

// Fail when ruff finds something in the project.
//
// +check
// +cache="session"
func (m *TensorflowCi) CheckLint(ctx context.Context) error {
	report, err := m.Lint(ctx)
	if err != nil {
		return err
	}
	return report.Check()
}

// Fail when the data are not those of data.lock, or rows break a rule of data-schema.yaml.
//
// +check
// +cache="session"
func (m *TensorflowCi) CheckData(ctx context.Context) error {
	report, err := m.DataCheck(ctx)
	if err != nil {
		return err
	}
	return report.Check()
}

// Fail when the project's tests do, or cover too little.
//
// +check
// +cache="session"
func (m *TensorflowCi) CheckTests(ctx context.Context) error {
	report, err := m.Test(ctx)
	if err != nil {
		return err
	}
	return report.Check()
}

// Fail when the trained model is under the gate's limits.
//
// +check
// +cache="session"
func (m *TensorflowCi) CheckModel(ctx context.Context) error {
	evaluation, err := m.Evaluate(ctx, nil, nil)
	if err != nil {
		return err
	}
	return evaluation.Check()
}

// Fail when the environment has a known vulnerability that the project does not accept, or its source a secret.
//
// +check
// +cache="never"
func (m *TensorflowCi) CheckScan(ctx context.Context) error {
	settings, err := m.settings(ctx)
	if err != nil {
		return err
	}
	_, err = m.safe(ctx, settings)
	return err
}
