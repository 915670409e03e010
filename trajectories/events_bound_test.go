package trajectories

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// endless is a text that never ends, as a compressed one nearly can be.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestAnEventHasABound(t *testing.T) {
	const header = `{"type":"header","version":1,"id":"a","task":{"id":"a"}}` + "\n"
	d := decoder{lines: bufio.NewReaderSize(io.MultiReader(strings.NewReader(header), endless{}), 1<<16), form: form(), most: 1 << 20}
	var last error
	for e, err := range d.all("log") {
		if last = err; err == nil {
			require.NotNil(t, e.Header)
		}
	}
	var event *EventError
	require.ErrorAs(t, last, &event)
	require.Equal(t, "log:2:1: the event has more than 1048576 bytes", event.Error())
}
