package docker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/docker"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

func TestARemoteEngineOverTLS(t *testing.T) {
	base := baseImage(t)
	ca := newAuthority(t)
	address := serveTLS(t, ca, apiAt(t, ""))

	t.Run("with a certificate", func(t *testing.T) {
		t.Setenv("DOCKER_HOST", "tcp://"+address)
		t.Setenv("DOCKER_TLS_VERIFY", "1")
		t.Setenv("DOCKER_CERT_PATH", ca.folder(t, true))
		sb, err := guest.Open(t.Context(), driver(t, docker.Options{BaseImage: base}), sandbox.Spec{})
		require.NoError(t, err)
		res, err := sb.Run(t.Context(), sandbox.Command{Argv: []string{"echo", "from afar"}})
		require.NoError(t, err)
		require.Equal(t, "from afar\n", string(res.Output))
		require.NoError(t, sb.Close())
	})
	for name, set := range map[string]func(t *testing.T){
		"without a certificate of the client": func(t *testing.T) {
			t.Setenv("DOCKER_TLS_VERIFY", "1")
			t.Setenv("DOCKER_CERT_PATH", ca.folder(t, false))
		},
		"with the certificate of somebody else": func(t *testing.T) {
			t.Setenv("DOCKER_TLS_VERIFY", "1")
			t.Setenv("DOCKER_CERT_PATH", newAuthority(t).folder(t, true))
		},
		"without TLS": func(t *testing.T) {
			t.Setenv("DOCKER_TLS_VERIFY", "")
			t.Setenv("DOCKER_CERT_PATH", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", "tcp://"+address)
			set(t)
			_, err := docker.New(t.Context(), docker.Options{Guest: []byte("guest")})
			require.ErrorIs(t, err, sandbox.ErrUnavailable)
			require.ErrorContains(t, err, "DOCKER_CERT_PATH")
		})
	}
}

// serveTLS offers the engine's socket to those whom ca knows.
func serveTLS(t *testing.T, ca *authority, engine *client.Client) (address string) {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t)},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
	})
	require.NoError(t, err)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { splice(near, engine) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		open.Wait()
	})
	return l.Addr().String()
}

// splice connects a client with the engine until one of them ends.
func splice(near net.Conn, engine *client.Client) {
	defer near.Close()
	if err := near.(*tls.Conn).Handshake(); err != nil {
		// As the engine's own server has it.
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil {
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
		return
	}
	far, err := engine.Dialer()(context.Background())
	if err != nil {
		return
	}
	defer far.Close()
	ended := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			ended <- struct{}{}
		}()
	}
	<-ended
	near.Close()
	far.Close()
	<-ended
}

// An authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := &authority{key: key}
	der := a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true}, key)
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return a
}

func (a *authority) sign(t *testing.T, c *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	require.NoError(t, err)
	return der
}

// issue makes a certificate that is good for both sides.
func (a *authority) issue(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der := a.sign(t, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "somebody"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// folder is one as DOCKER_CERT_PATH names it.
func (a *authority) folder(t *testing.T, withOwn bool) string {
	dir := t.TempDir()
	write := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	write("ca.pem", "CERTIFICATE", a.cert.Raw)
	if withOwn {
		own := a.issue(t)
		key, err := x509.MarshalECPrivateKey(own.PrivateKey.(*ecdsa.PrivateKey))
		require.NoError(t, err)
		write("cert.pem", "CERTIFICATE", own.Certificate[0])
		write("key.pem", "EC PRIVATE KEY", key)
	}
	return dir
}
