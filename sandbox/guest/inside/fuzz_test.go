package inside

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// FuzzServe has a client that sends any bytes. The operations that would start
// a program, or go where a path leads, are not carried out: what is tested is
// that no frame is the end of the guest but one outside the protocol.
func FuzzServe(f *testing.F) {
	frames := func(list ...wire.Frame) []byte {
		var b bytes.Buffer
		w := wire.NewWriter(&b)
		for _, frame := range list {
			_ = w.Frame(frame)
		}
		return b.Bytes()
	}
	for _, op := range []wire.Op{wire.OpEdit, wire.OpSearch, wire.OpDial, wire.OpOffer, wire.OpScript, wire.OpUnshell, wire.OpUsage, wire.OpTar, wire.OpUntar} {
		call, err := json.Marshal(wire.Call{Op: op})
		require.NoError(f, err)
		f.Add(frames(
			wire.Frame{Type: wire.Ping},
			wire.Frame{Type: wire.Request, Request: 1, Payload: call},
			wire.Frame{Type: wire.Credit, Request: 1, Payload: []byte{0xff, 0xff, 0xff, 0xff}},
			wire.Frame{Type: wire.Data, Request: 1, Payload: []byte("garbage")},
			wire.Frame{Type: wire.Resize, Request: 1, Payload: []byte("garbage")},
			wire.Frame{Type: wire.Resize, Request: 1},
			wire.Frame{Type: wire.Data, Request: 1},
			wire.Frame{Type: wire.Request, Request: 1, Payload: call},
			wire.Frame{Type: wire.Cancel, Request: 1},
			wire.Frame{Type: wire.Cancel, Request: 1},
		))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g := &guest{
			out:      wire.NewWriter(io.Discard),
			children: &children{started: map[int]*process{}},
			open:     make(map[uint32]*request),
			sessions: make(map[uint32]*session),
		}
		for r := wire.NewReader(bytes.NewReader(b)); ; {
			frame, err := r.Next()
			if err != nil {
				return
			}
			if frame.Type == wire.Request && !harmless(frame.Payload) {
				continue
			}
			if frame.Type == wire.Exec {
				if _, err := wire.ParseExecCall(frame.Payload); err == nil {
					continue
				}
			}
			if g.frame(frame) != nil {
				return
			}
		}
	})
}

// harmless reports whether a request may be carried out on this machine.
func harmless(payload []byte) bool {
	var call wire.Call
	if json.Unmarshal(payload, &call) != nil {
		return true // it comes to nothing
	}
	switch call.Op {
	case wire.OpUnshell, wire.OpUsage, wire.OpScript:
		return true
	}
	return call.Check() != nil
}

// FuzzUntar unpacks any bytes: nothing is ever made outside the folder.
func FuzzUntar(f *testing.F) {
	entries := []tar.Header{
		{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "d/file", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "locked/", Typeflag: tar.TypeDir, Mode: 0o555},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "../secret"},
		{Name: "up", Typeflag: tar.TypeSymlink, Linkname: ".."},
		{Name: "up/secret", Typeflag: tar.TypeReg, Mode: 0o777},
		{Name: "hard", Typeflag: tar.TypeLink, Linkname: "up/secret"},
		{Name: "../secret", Typeflag: tar.TypeReg, Mode: 0o777},
		{Name: "device", Typeflag: tar.TypeChar},
	}
	for i := range entries {
		for j := range entries {
			var b bytes.Buffer
			tw := tar.NewWriter(&b)
			for _, h := range []tar.Header{entries[i], entries[j]} {
				require.NoError(f, tw.WriteHeader(&h))
			}
			require.NoError(f, tw.Close())
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		outside := t.TempDir()
		in := filepath.Join(outside, "in")
		secret := filepath.Join(outside, "secret")
		require.NoError(t, os.WriteFile(secret, []byte("untouched"), 0o600))
		_ = untar(in, bytes.NewReader(b))
		left, err := os.ReadDir(outside)
		require.NoError(t, err)
		for _, e := range left {
			require.Contains(t, []string{"in", "secret"}, e.Name())
		}
		data, err := os.ReadFile(secret)
		require.NoError(t, err)
		require.Equal(t, "untouched", string(data))
		st, err := os.Stat(secret)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), st.Mode())
	})
}
