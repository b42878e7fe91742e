package main

import (
	"context"
	"fmt"
	"slices"

	"dagger/tensorflow-ci/attest"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/release"
)

// candidate is a run's output on its way into the store.
type candidate struct {
	savedModel *dagger.Directory
	manifest   lineage.Manifest
	lineage    map[string][]byte // manifest and attestation, as they are
}

// candidate reads a run's output, and refuses one whose model is not that of its manifest.
func (r *Release) candidate(ctx context.Context, settings config.Config, output *dagger.Directory) (candidate, error) {
	read := candidate{lineage: map[string][]byte{}}
	names, err := output.Entries(ctx)
	if err != nil {
		return read, failure("push: cannot read --model", err)
	}
	if !slices.Contains(names, "model/") || !slices.Contains(names, lineage.FileName) {
		return read, fmt.Errorf("push: --model holds %q, want the output of run: model/ and %s", names, lineage.FileName)
	}
	for _, name := range []string{lineage.FileName, attest.FileName} {
		if !slices.Contains(names, name) {
			continue
		}
		text, err := output.File(name).Contents(ctx)
		if err != nil {
			return read, failure("push: cannot read "+name, err)
		}
		read.lineage[name] = []byte(text)
	}
	if read.manifest, err = lineage.Read(read.lineage[lineage.FileName]); err != nil {
		return read, fmt.Errorf("push: %w", err)
	}
	if read.manifest.Model != settings.Model {
		return read, fmt.Errorf("push: the manifest is of the model %q, and this project's is called %q (model in %s)", read.manifest.Model, settings.Model, config.FileName)
	}
	model, err := r.Line.Model(ctx, output)
	if err != nil {
		return read, err
	}
	digest, err := model.Digest(ctx)
	if err != nil {
		return read, err
	}
	if digest != read.manifest.CanonicalDigest {
		return read, fmt.Errorf("push: model/ is %s, and %s says %s: it was changed after the run that made it", digest, lineage.FileName, read.manifest.CanonicalDigest)
	}
	read.savedModel = model.SavedModel
	return read, nil
}

// measured has rclone look at the files that it will upload, which must be those of the manifest.
func (c candidate) measured(ctx context.Context, store *openStore) (release.Candidate, error) {
	measured := release.Candidate{Digest: c.manifest.CanonicalDigest, Commit: c.manifest.Source.Commit, Files: map[string]release.File{}}
	hashes, err := store.ModelHashes(ctx)
	if err != nil {
		return measured, fmt.Errorf("push: the model's files: %w", err)
	}
	sizes, err := store.ModelSizes(ctx)
	if err != nil {
		return measured, fmt.Errorf("push: the model's files: %w", err)
	}
	for name, hash := range hashes {
		if said, known := c.manifest.Files[name]; !known || said != "sha256:"+hash {
			return measured, fmt.Errorf("push: model/%s is not the file that %s lists: it was changed after the run that made it", name, lineage.FileName)
		}
		measured.Files[name] = release.File{Size: sizes[name], Sha256: hash}
	}
	for name := range c.manifest.Files {
		if _, there := hashes[name]; !there {
			return measured, fmt.Errorf("push: model/%s is missing, and %s lists it", name, lineage.FileName)
		}
	}
	return measured, nil
}
