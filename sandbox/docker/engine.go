package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// ErrNoEngine: where an engine should be nobody answers at all, or not to this
// user. It comes with sandbox.ErrUnavailable.
var ErrNoEngine = errors.New("there is no container engine")

// unanswered is the error of an engine that is not there. What the client
// says about it repeats the address and asks a question.
type unanswered struct{ err error }

func (e unanswered) Error() string {
	said := e.err.Error()
	switch {
	case containsAny(said, "tls: ", "x509: ", "X509", "CA certificate", "malformed HTTP response", "HTTP request to an HTTPS server"):
		return said + "; an engine that speaks TLS wants DOCKER_TLS_VERIFY=1, and in DOCKER_CERT_PATH a folder with its ca.pem, and a cert.pem and key.pem that it trusts"
	case client.IsErrConnectionFailed(e.err):
		return "nobody is there, or not for this user"
	}
	return said
}
func (e unanswered) Unwrap() error { return e.err }
func (e unanswered) Is(target error) bool {
	return target == sandbox.ErrUnavailable || target == ErrNoEngine && client.IsErrConnectionFailed(e.err)
}

// wrap gives an error of the engine its family.
func wrap(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case unreachable(err):
		return fmt.Errorf("docker: %s: %w: %w", doing, err, sandbox.ErrUnavailable)
	case containsAny(err.Error(), "no space left on device", "disk quota exceeded"):
		return fmt.Errorf("docker: %s: %w: %w; make room on the engine's disk (`docker system df` shows what takes it), or bound what images take with an image budget", doing, err, sandbox.ErrDiskFull)
	case errdefs.IsNotFound(err) && strings.Contains(err.Error(), "image"):
		return fmt.Errorf("docker: %s: %w: %w", doing, err, sandbox.ErrNoImage)
	}
	return fmt.Errorf("docker: %s: %w", doing, err)
}

// unreachable tells whether the engine is not there, or is going away just now.
// An attach dials by itself, and says so in words of its own.
func unreachable(err error) bool {
	var op *net.OpError
	return client.IsErrConnectionFailed(err) || errors.As(err, &op) && op.Op == "dial" ||
		containsAny(err.Error(), "transport is closing", "failed to update store for object type")
}

// overloaded tells whether the engine may well do later what it did not now.
func overloaded(err error) bool {
	if err == nil || client.IsErrConnectionFailed(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	return errdefs.IsUnavailable(err) || errdefs.IsResourceExhausted(err) ||
		containsAny(err.Error(), http.StatusText(http.StatusServiceUnavailable), http.StatusText(http.StatusGatewayTimeout),
			"context deadline exceeded", "i/o timeout", "timed out", "resource temporarily unavailable")
}

func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}
