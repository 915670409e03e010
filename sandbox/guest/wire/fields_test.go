package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/sandbox"
	"github.com/apprentice-rl/apprentice/sandbox/guest/wire"
)

// texts are of any bytes: a file may be called anything.
func texts() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
}

func TestACommandComesOutAsItWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := texts()
		c := wire.ExecCall{
			Command: sandbox.Command{
				Script:    text.Draw(t, "script"),
				User:      text.Draw(t, "user"),
				Dir:       text.Draw(t, "dir"),
				Timeout:   time.Duration(rapid.Int64().Draw(t, "timeout")),
				OutputCap: rapid.Int().Draw(t, "cap"),
			},
			Stdin:  rapid.Bool().Draw(t, "stdin"),
			Stream: rapid.Bool().Draw(t, "stream"),
		}
		if argv := rapid.SliceOf(text).Draw(t, "argv"); len(argv) > 0 {
			c.Command.Argv = argv
		}
		if env := rapid.MapOf(text, text).Draw(t, "env"); len(env) > 0 {
			c.Command.Env = env
		}
		if rapid.Bool().Draw(t, "terminal") {
			c.Command.Terminal = &sandbox.Terminal{
				Size: sandbox.Size{Rows: rapid.Uint16().Draw(t, "rows"), Columns: rapid.Uint16().Draw(t, "columns")},
				Type: text.Draw(t, "type"),
			}
		}
		b := c.Append(nil)
		got, err := wire.ParseExecCall(b)
		require.NoError(t, err)
		require.Equal(t, c, got)
		_, err = wire.ParseExecCall(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")])
		require.ErrorContains(t, err, "cut off")
	})
}

func TestAResultComesOutAsItWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sandbox.Result{
			End:        sandbox.End(texts().Draw(t, "end")),
			ExitCode:   rapid.Int().Draw(t, "code"),
			Signal:     texts().Draw(t, "signal"),
			Reason:     texts().Draw(t, "reason"),
			Dropped:    rapid.Int64().Draw(t, "dropped"),
			Duration:   time.Duration(rapid.Int64().Draw(t, "duration")),
			CPU:        time.Duration(rapid.Int64().Draw(t, "cpu")),
			MemoryPeak: rapid.Int64().Draw(t, "peak"),
		}
		b := wire.AppendResult(nil, r)
		got, err := wire.ParseResult(b)
		require.NoError(t, err)
		require.Equal(t, r, got)
		_, err = wire.ParseResult(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")])
		require.ErrorContains(t, err, "cut off")
	})
}

func FuzzParseExecCall(f *testing.F) {
	f.Add(wire.ExecCall{Command: sandbox.Command{Argv: []string{"true"}, Env: map[string]string{"A": "b"}}}.Append(nil))
	f.Add([]byte{0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := wire.ParseExecCall(b)
		if err != nil {
			return
		}
		again, err := wire.ParseExecCall(c.Append(nil))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}
