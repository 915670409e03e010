//go:build linux

package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// openRegistry opens an image of a registry, with the credentials that the
// docker command would use.
func (s *Store) openRegistry(ctx context.Context, ref name.Reference) (source, error) {
	desc, err := remote.Get(ref,
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(patient{s.transport}),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), // that is the transport's business
		remote.WithUserAgent("apprentice"),
	)
	if err != nil {
		return source{}, fmt.Errorf("asking the registry: %w", family(ctx, err))
	}
	if !desc.MediaType.IsIndex() {
		img, err := desc.Image()
		if err != nil {
			return source{}, fmt.Errorf("what the registry has is no image (%w): %w", err, sandbox.ErrNoImage)
		}
		return newSource(img)
	}
	index, err := desc.ImageIndex()
	if err != nil {
		return source{}, fmt.Errorf("reading the index of platforms: %w", family(ctx, err))
	}
	img, err := choose(index, wantAll)
	if err != nil {
		return source{}, family(ctx, err)
	}
	return newSource(img)
}

// family tells what a registry does not have from one that does not work now.
func family(ctx context.Context, err error) error {
	var answer *transport.Error
	var lookup *net.DNSError
	var network net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, sandbox.ErrNoImage), errors.Is(err, sandbox.ErrUnavailable), errors.Is(err, sandbox.ErrDiskFull):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", err, sandbox.ErrDiskFull)
	case errors.As(err, &answer):
		switch answer.StatusCode {
		case http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%w: %w", err, sandbox.ErrNoImage)
		}
		return fmt.Errorf("%w: %w", err, sandbox.ErrUnavailable)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fmt.Errorf("%w: %w", err, sandbox.ErrNoImage)
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", err, sandbox.ErrUnavailable)
	}
	return err
}

// patient asks again where a registry is busy or out of order, as long as it
// says, or else longer each time.
type patient struct{ next http.RoundTripper }

// How often, and how long in all, and how long a registry may ask us to wait.
const (
	attempts    = 6
	patience    = 2 * time.Minute
	longestWait = time.Minute
)

// RoundTrip implements http.RoundTripper.
func (p patient) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return p.next.RoundTrip(req)
	}
	tries := 0
	return backoff.Retry(req.Context(), func() (*http.Response, error) {
		tries++
		resp, err := p.next.RoundTrip(req)
		if err != nil {
			if hopeless(err) || errors.Is(err, syscall.ECONNREFUSED) && tries > 1 {
				return nil, backoff.Permanent(err)
			}
			return nil, err
		}
		if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode < 500 || tries == attempts {
			return resp, nil // the caller makes an error of it
		}
		wait, asked := retryAfter(resp)
		if wait > longestWait {
			return resp, nil
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
		_ = resp.Body.Close()
		if asked {
			return nil, &backoff.RetryAfterError{Duration: wait}
		}
		return nil, fmt.Errorf("the registry answered %s", resp.Status)
	}, backoff.WithMaxTries(attempts), backoff.WithMaxElapsedTime(patience))
}

// hopeless reports whether an error will be the same the next time.
func hopeless(err error) bool {
	var lookup *net.DNSError
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	return errors.As(err, &lookup) && lookup.IsNotFound || errors.As(err, &certificate) || errors.As(err, &noTLS)
}

// retryAfter is how long a registry asks to wait.
func retryAfter(resp *http.Response) (wait time.Duration, asked bool) {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at)), true
	}
	return 0, false
}
