package document_test

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// A meter counts the bytes that are read.
type meter struct {
	io.ReaderAt
	bytes int64
}

func (m *meter) ReadAt(b []byte, offset int64) (int, error) {
	n, err := m.ReaderAt.ReadAt(b, offset)
	m.bytes += int64(n)
	return n, err
}

// long is a document of 2 MB, on many lines, and its values.
func long(t *testing.T) (string, *meter, []*document.Node) {
	t.Helper()
	text := "[\n" + strings.Repeat(`"`+strings.Repeat("x", 996)+"\",\n", 2000) + "0]"
	in := &meter{ReaderAt: strings.NewReader(text)}
	d, err := document.New("x.json", in, int64(len(text)), document.Options{})
	require.NoError(t, err)
	var all []*document.Node
	for n, err := range only(t, d).Elements() {
		require.NoError(t, err)
		all = append(all, n)
	}
	return text, in, all
}

func TestPositionsAreFoundInAnyOrder(t *testing.T) {
	text, _, all := long(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		p := all[r.IntN(len(all))].Position()
		before := text[:p.Offset]
		require.Equal(t, strings.Count(before, "\n")+1, p.Line)
		require.Equal(t, len(before)-strings.LastIndexByte(before, '\n'), p.Column)
	}
}

// A warning about the inside of a value is followed by one about its beginning.
// Lines that were counted from the start of the file again would take the square
// of its size.
func TestPositionsThatGoBackAreNotCountedFromTheStart(t *testing.T) {
	text, in, all := long(t)
	all[len(all)-1].Position()
	in.bytes = 0
	const asked = 100
	for i := range asked {
		all[len(all)-1-i].Position()
	}
	require.Less(t, in.bytes, int64(asked*len(text)/4))

}
