package redact_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// The values are chosen to get into each other's and the placeholders' way.
var values = map[string]string{
	"A": "correct-horse-battery", "B": "battery-of-horses", "C": "_SECRET__", "D": "_LITERAL__", "E": "line one\nline \"two\"", "F": "ü<&>\\/ and more",
	"G": "_SECRET_LITERAL__", "H": "SECRET_A",
}

// pieces are what texts are made of: secrets, halves of them, and all that a
// placeholder is made of.
func pieces(r *redact.Redactor) []string {
	all := []string{
		"_", "__", "SECRET", "__SECRET", "__SECRET_", "LITERAL", "A", "github", "12345678", " ", "\n", "\"", "\\", "\\u005f", "{", "}", ":", "=", ",", "@", "ü",
		"password=", "token: ", "https://u:", "Authorization: Bearer ", "sk-", "AK" + "IA" + made(base32, 16), "ghp" + "_" + made(alnum, 36), made(alnum, 40),
		made(hexa, 40), "hunter2!battery", "-----" + "BEGIN PRIVATE" + " KEY-----", made(b64, 64), "-----" + "END PRIVATE" + " KEY-----", "a.b@calc.org",
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		placeholder, _ := r.Text(v)
		all = append(all, v, v[:len(v)/2], v[len(v)/2:], placeholder, placeholder[2:], placeholder[:len(placeholder)-2])
	}
	return all
}

func texts(r *redact.Redactor) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(pieces(r)), 0, 12), func(p []string) string { return strings.Join(p, "") })
}

// requireSound checks all that holds for every text.
func requireSound(t require.TestingT, r *redact.Redactor, s string) {
	out, hits := r.Text(s)
	at := 0
	for _, h := range hits {
		require.LessOrEqual(t, at, h.Start, "in order, without overlaps")
		require.Less(t, h.Start, h.End)
		require.LessOrEqual(t, h.End, len(s))
		require.Equal(t, h.Kind == redact.Entropy, h.Placeholder == "")
		at = h.End
	}
	if restorable(hits) {
		require.Equal(t, s, r.Restore(out))
	}
	again, hits := r.Again().Text(out)
	require.Equal(t, out, again, "a second time changes nothing")
	for _, h := range hits {
		require.Equal(t, redact.Entropy, h.Kind)
	}
	if twice, hits := r.Text(out); restorable(hits) {
		require.Equal(t, out, r.Restore(twice), "Text takes nothing for its own")
	}
}

// restorable says that no hit has taken something for good.
func restorable(hits []redact.Hit) bool {
	return !slices.ContainsFunc(hits, func(h redact.Hit) bool {
		return h.Kind != redact.Known && h.Kind != redact.Literal && h.Kind != redact.Entropy
	})
}

func requireSoundJSON(t require.TestingT, r *redact.Redactor, raw []byte) {
	out, hits := r.JSON(raw)
	at := 0
	for _, h := range hits {
		require.LessOrEqual(t, at, h.Start)
		require.LessOrEqual(t, h.End, len(raw))
		at = h.End
	}
	if !json.Valid(raw) {
		return
	}
	require.True(t, json.Valid(out), "%s became %s", raw, out)
	restored := r.RestoreJSON(out)
	require.True(t, json.Valid(restored), "%s", restored)
	if len(hits) == 0 {
		require.Equal(t, string(raw), string(restored))
	}
	again, _ := r.Again().JSON(out)
	require.Equal(t, string(out), string(again))
}

func TestTextIsSound(t *testing.T) {
	r := redactor(t, values, true)
	rapid.Check(t, func(t *rapid.T) { requireSound(t, r, texts(r).Draw(t, "text")) })
}

func TestJSONIsSound(t *testing.T) {
	r := redactor(t, values, true)
	rapid.Check(t, func(t *rapid.T) {
		inner := map[string]any{texts(r).Draw(t, "name"): texts(r).Draw(t, "text"), "n": 1.5}
		nested, err := json.Marshal(inner)
		require.NoError(t, err)
		raw, err := json.Marshal([]any{string(nested), inner, texts(r).Draw(t, "more"), nil})
		require.NoError(t, err)
		requireSoundJSON(t, r, raw)
		if out, hits := r.JSON(raw); restorable(hits) {
			require.Equal(t, said(t, string(raw)), said(t, string(r.RestoreJSON(out))))
		}
	})
}

// said is what JSON says, and the JSON in its strings, however it is escaped.
func said(t require.TestingT, raw string) any {
	var v any
	require.NoError(t, json.Unmarshal([]byte(raw), &v))
	return unfolded(t, v)
}

func unfolded(t require.TestingT, v any) any {
	switch v := v.(type) {
	case string:
		if trimmed := strings.TrimSpace(v); trimmed != "" && strings.ContainsAny(trimmed[:1], "{[") && json.Valid([]byte(v)) {
			return said(t, v)
		}
	case []any:
		for i := range v {
			v[i] = unfolded(t, v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = unfolded(t, v[name])
		}
	}
	return v
}

func FuzzText(f *testing.F) {
	r := redactor(f, values, true)
	for _, p := range pieces(r) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, s string) { requireSound(t, r, s) })
}

func FuzzJSON(f *testing.F) {
	r := redactor(f, values, true)
	for _, p := range pieces(r) {
		raw, err := json.Marshal([]string{p, `{"password":"` + p + `"}`})
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) { requireSoundJSON(t, r, raw) })
}
