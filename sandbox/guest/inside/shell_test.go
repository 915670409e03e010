package inside

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReports(t *testing.T) {
	open := func(t *testing.T) (w *os.File, ended chan struct{}, reports <-chan report) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		t.Cleanup(func() { _ = w.Close() })
		ended = make(chan struct{})
		return w, ended, readReports(r, ended)
	}
	t.Run("one after another", func(t *testing.T) {
		w, _, reports := open(t)
		_, err := w.WriteString("next\x000\x00/a b\x00declare -x A=\"1\"\n\x00last\x007\x00/\x00\x00")
		require.NoError(t, err)
		require.Equal(t, report{status: 0, dir: "/a b", exports: "declare -x A=\"1\"\n"}, <-reports)
		require.Equal(t, report{last: true, status: 7, dir: "/"}, <-reports)
		require.NoError(t, w.Close())
		_, ok := <-reports
		require.False(t, ok)
	})
	t.Run("a field without an end", func(t *testing.T) {
		w, _, reports := open(t)
		go func() { // fails when nobody reads any more
			for garbage := bytes.Repeat([]byte("x"), 1<<20); ; {
				if _, err := w.Write(garbage); err != nil {
					return
				}
			}
		}()
		_, ok := <-reports
		require.False(t, ok)
	})
	t.Run("of a bash that is gone, and nobody waits for them", func(t *testing.T) {
		w, ended, reports := open(t)
		_, err := w.WriteString("next\x000\x00/\x00\x00next\x000\x00/\x00\x00next\x000\x00/\x00\x00")
		require.NoError(t, err)
		close(ended)
		require.Eventually(t, func() bool { // the reader has closed its end
			_, err := w.WriteString("x")
			return err != nil
		}, 10e9, 1e6)
		require.NotEmpty(t, reports)
	})
}
