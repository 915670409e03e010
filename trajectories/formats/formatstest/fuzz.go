package formatstest

import "testing"

// Fuzz imports what may be anything, beginning with the samples.
func Fuzz(f *testing.F, s Suite) {
	for _, name := range s.names() {
		f.Add([]byte(s.Samples[name]))
	}
	f.Fuzz(func(t *testing.T, content []byte) { s.survives(t, write(t, "any.json", nil), content) })
}
