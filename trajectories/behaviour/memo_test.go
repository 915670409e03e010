package behaviour

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMemoAnswersAsClassifyDoes(t *testing.T) {
	m := NewMemo(1 << 20)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				args := json.RawMessage(fmt.Sprintf(`{"command":"cat f%d"}`, i%50))
				if got, want := brief(m.Classify("bash", args)), fmt.Sprintf("view cat < f%d", i%50); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, m.young, 50)
	// The same arguments of another tool are something else.
	require.Equal(t, "other x", brief(m.Classify("x", json.RawMessage(`{"command":"cat f1"}`))))
}

func TestAMemoReturnsTheSameActs(t *testing.T) {
	m := NewMemo(1 << 20)
	args := json.RawMessage(`{"command":"cat f"}`)
	require.Same(t, &m.Classify("bash", args)[0], &m.Classify("bash", args)[0])
}

func TestAMemoStaysWithinItsBound(t *testing.T) {
	const bound = 1 << 16
	m := NewMemo(bound)
	kept := json.RawMessage(`{"command":"pytest"}`)
	first := &m.Classify("bash", kept)[0]
	for i := range 2000 {
		args := json.RawMessage(fmt.Sprintf(`{"command":"cat file_%d"}`, i))
		m.Classify("bash", args)
		m.Classify("bash", kept)
	}
	perEntry := cost("bash", json.RawMessage(`{"command":"cat file_1"}`), bash(t, "cat file_1"))
	require.Less(t, (len(m.young)+len(m.old))*perEntry, bound+2*perEntry)
	require.Same(t, first, &m.Classify("bash", kept)[0], "what is asked for stays")

	m.Classify("bash", json.RawMessage(`{"command":"echo `+fmt.Sprintf("%0*d", bound, 1)+`"}`))
	require.LessOrEqual(t, m.youngest, bound/2, "what is larger than the bound is not kept")
}
