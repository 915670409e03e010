package sandboxtest

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest"
)

// races has a program swap what is in a folder with what must not be reached
// from there, as fast as it can, while files go in and out.
func races(t *testing.T, sb *guest.Sandbox, h *host) {
	h.commit(t, sb, deed{cmd: sh(scene + `
		mkdir in/d; echo mine >in/d/file; ln -s ../out in/d2
		echo mine >in/file; ln -s ../out/file in/file2; mkfifo in/fifo; echo x >in/f`), ends: only(sandbox.EndExit)})
	probe := h.putProbe(t, sb)
	s, err := sb.Shell(t.Context(), "/tmp/scene/in")
	require.NoError(t, err)
	_, err = s.Run(t.Context(), fmt.Sprintf("for pair in 'd d2' 'file file2' 'fifo f'; do %s swap $pair & done", probe), 10*time.Second)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	const in = "/tmp/scene/in"
	plain := func(err error) { // or none
		require.NotErrorIs(t, err, sandbox.ErrBroken)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	}
	for range 150 {
		up := archiveOf(t, file("d/new", "x"), file("file", "mine\n"))
		plain(sb.PutTar(ctx, in, up))
		for _, name := range []string{"/f", "/fifo"} {
			_, err := sb.ReadFile(ctx, in+name)
			plain(err)
			plain(sb.WriteFile(ctx, in+name, []byte("x")))
		}
		var down bytes.Buffer
		err := sb.GetTar(ctx, in, &down)
		plain(err)
		if err == nil {
			for name, data := range contents(t, &down) {
				if name == "in/file" || name == "in/file2" {
					require.NotEqual(t, "untouched\n", data, "what is behind a link was sent")
				}
			}
		}
		_, err = sb.Edit(ctx, in+"/f", sandbox.Edit{Old: []byte("x"), New: []byte("x"), Count: 1})
		plain(err)
	}
	require.NoError(t, s.Close())
	untouched(t, sb)
	h.endure(t, sb)
}
