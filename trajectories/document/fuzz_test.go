package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/document"
)

// FuzzDocuments walks any bytes, strictly and leniently, and compares what the
// strict walk accepts with what a JSON library does.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("\ufeff{\"a\":1}\n\ufeff[2]\x1e\"x\""))
	f.Add([]byte(`"{\"a\":[\"\\ud83d\\ude00\\n\"]}"`))
	f.Add([]byte("{\"a\":\"b\n{\"a\":1}\n{\"a\":1}}\n{}"))
	f.Add([]byte(`{"a":{"b":1,"b":2},"a":"\ud800` + "\xff\"}"))
	f.Add([]byte("[[[[{\"a\":-1.5e3,\"\":null}],true"))
	f.Add([]byte{0xff, 0xfe, '{', 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, most := range []int64{0, 16} {
			walk(t, text, document.Options{Lenient: true, MaxValue: most})
		}
		accepted := walk(t, text, document.Options{})
		want, err := library(text)
		if err == nil && !ours(text, want) {
			require.Equal(t, want, accepted)
		}
		if accepted != nil && !ours(text, nil) {
			require.NoError(t, err, "accepted though it is broken")
		}
	})
}

// walk visits all of a document, and returns its values if nothing was wrong.
func walk(t *testing.T, text []byte, o document.Options) []any {
	d, err := document.New("x", bytes.NewReader(text), int64(len(text)), o)
	if err != nil {
		return nil
	}
	defer func() { require.NoError(t, d.Close()) }()
	all, fine, rounds := []any{}, true, 0
	for n, err := range d.Documents() {
		rounds++
		require.LessOrEqual(t, rounds, 3*len(text)+3, "it goes on for ever")
		if err == nil {
			var v any
			v, err = value(n)
			all = append(all, v)
			if _, err := n.Unwrap(); err != nil {
				placed(t, err, text)
			}
			if raw, err := n.Raw(); err == nil {
				require.True(t, json.Valid(raw), "%q", raw)
			}
		}
		if err != nil {
			placed(t, err, text)
			fine = false
		}
	}
	if !fine {
		return nil
	}
	return all
}

// placed says that an error has its place in the text.
func placed(t *testing.T, err error, text []byte) {
	var e *document.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.True(t, e.Offset >= 0 && e.Offset <= int64(len(text)), "%v", err)
	before := text[:e.Offset]
	require.Equal(t, bytes.Count(before, []byte("\n"))+1, e.Line)
	require.Equal(t, len(before)-bytes.LastIndexByte(before, '\n'), e.Column)
}

// ours says whether a text has what the library does not know: marks and
// separators between documents, and strings that are read as documents.
func ours(text []byte, values []any) bool {
	return bytes.ContainsAny(text, "\ufeff\x1e") || slices.ContainsFunc(values, func(v any) bool { _, ok := v.(string); return ok })
}

// library reads a text with jsontext and encoding/json.
func library(text []byte) ([]any, error) {
	all := []any{}
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	for {
		raw, err := d.ReadValue()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if next := text[d.InputOffset():]; raw.Kind() != '{' && raw.Kind() != '[' && raw.Kind() != '"' && len(next) > 0 && !bytes.ContainsAny(next[:1], "{[\"]},: \t\r\n") {
			return nil, errors.New("to the library, 007 is three numbers")
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
}
