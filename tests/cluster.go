package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// cluster: a canary reaches KServe with exactly its part of the traffic, through kubectl.
func (t *Tests) cluster() []check {
	if t.Database == "" { // the model goes through a registry of this machine
		return nil
	}
	return []check{{"release/a canary on a cluster with KServe", t.releaseToCluster}}
}

func (t *Tests) releaseToCluster(ctx context.Context) error {
	outputs, _, key, err := models(ctx)
	if err != nil {
		return err
	}
	options := dagger.TensorflowCiReleaseOpts{Store: fmt.Sprintf("file:///tests-%d", time.Now().UnixNano()), By: "ann", PublicKey: key}
	open := func() *dagger.TensorflowCiRelease { return line(tiny(), servesAtOnce).Release(options) }
	if err := toCanary(ctx, open, outputs); err != nil {
		return err
	}
	var images [2]string
	for at, output := range outputs {
		images[at], err = line(tiny()).Model(output).PublishModelImage(ctx, fmt.Sprintf("%s/tests/tiny-model:%d", t.registry(), at+1),
			dagger.TensorflowCiModelPublishModelImageOpts{Version: at + 1})
		if err != nil {
			return err
		}
	}
	text, err := open().InferenceService(images[1]).Contents(ctx)
	if err := said(text, err, "canaryTrafficPercent: 10\n", "storageUri: oci://"+images[1], "name: tiny"); err != nil {
		return err
	}
	if _, err := open().InferenceService(images[0]).Contents(ctx); err == nil || !strings.Contains(err.Error(), "publish that one with publish-model-image") {
		return fmt.Errorf("the image of another version was accepted: %v", err)
	}
	kubernetes, kubeconfig, err := t.startCluster(ctx)
	if err != nil {
		return err
	}
	defer kubernetes.Stop(ctx, dagger.ServiceStopOpts{Kill: true})
	user := dag.SetSecret("kubeconfig", kubeconfig)
	text, err = open().ApplyInferenceService(ctx, images[1], user, dagger.TensorflowCiReleaseApplyInferenceServiceOpts{Namespace: "team"})
	if err := said(text, err, "inferenceservice.serving.kserve.io/tiny created"); err != nil {
		return err
	}
	if text, err := open().Rollback(ctx, "as a test"); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	text, err = open().ApplyInferenceService(ctx, images[0], user, dagger.TensorflowCiReleaseApplyInferenceServiceOpts{Namespace: "team"})
	if err := said(text, err, "inferenceservice.serving.kserve.io/tiny configured"); err != nil {
		return err
	}
	text, err = open().InferenceService(images[0]).Contents(ctx)
	if err != nil || strings.Contains(text, "canaryTrafficPercent") {
		return fmt.Errorf("after the rollback it says %s (%v)", text, err)
	}
	stranger := dag.SetSecret("kubeconfig-stranger", strings.ReplaceAll(kubeconfig, clusterToken, "wrong-planted-secret"))
	_, err = open().ApplyInferenceService(ctx, images[0], stranger)
	if err := refused(err, "the cluster did not take the inference service", "credentials"); err != nil {
		return err
	}
	if strings.Contains(err.Error(), "planted-secret") {
		return fmt.Errorf("the message shows the token: %w", err)
	}
	return nil
}

const clusterToken = "cluster-planted-secret"

// startCluster starts the stand-in for a cluster, with a certificate of its own, and returns a kubeconfig for it.
func (t *Tests) startCluster(ctx context.Context) (*dagger.Service, string, error) {
	const name = "kubernetes.tests"
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, "", err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, "", err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content})
	service, err := dag.Container().From("tensorflow/tensorflow:2.16.2").
		WithFile("/server.py", t.Kubernetes).
		WithNewFile("/certificate.pem", string(certificate)).
		WithNewFile("/key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))).
		WithExposedPort(6443).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{"python3", "/server.py", "6443", clusterToken, "/certificate.pem", "/key.pem"}}).
		Start(ctx)
	if err != nil {
		return nil, "", err
	}
	endpoint, err := service.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: 6443})
	if err != nil {
		return nil, "", err
	}
	return service, fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://%s", tls-server-name: %s, certificate-authority-data: %s}}]
users: [{name: u, user: {token: %s}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: team}}]
current-context: x
`, endpoint, name, base64.StdEncoding.EncodeToString(certificate), clusterToken), nil
}
