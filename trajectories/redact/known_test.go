package redact_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

func TestKnownSecretsThatCannotBeHiddenAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, value, reason string }{
		{"SHORT", "1234abc", "7 bytes"},
		{"EMPTY", "", "0 bytes"},
		{"BLANK", "          ", "blank"},
		{"NUMBER", "-1234567.50", "number"},
		{"PLACEHOLDER", "__SECRET_TOKEN_12345678__", "placeholder"},
		{"two words", "long enough", "name"},
		{"A__B", "long enough", "name"},
		{"A_", "long enough", "name"},
		{"_A", "long enough", "name"},
		{"", "long enough", "name"},
		{"1A", "long enough", "name"},
	} {
		_, err := redact.New(map[string]string{tt.name: tt.value, "GOOD": "long enough"}, redact.Options{Key: make([]byte, 16)})
		var refused *redact.RefusedError
		require.ErrorAs(t, err, &refused, "%q", tt.name)
		require.Equal(t, tt.name, refused.Name)
		require.ErrorContains(t, err, tt.reason)
		if len(tt.value) > 3 {
			require.NotContains(t, err.Error(), tt.value, "an error is printed")
		}
	}
	_, err := redact.New(map[string]string{"A": "short", "B": "short"}, redact.Options{Key: make([]byte, 16)})
	var all interface{ Unwrap() []error }
	require.True(t, errors.As(err, &all))
	require.Len(t, all.Unwrap(), 2)

	_, err = redact.New(nil, redact.Options{Key: make([]byte, 15)})
	require.ErrorContains(t, err, "15 bytes")
}

func TestKnownSecretsComeBackAsTheyWereWritten(t *testing.T) {
	value := "a \"quoted\"\n<ü>/\\ & 𝄞 secret"
	escaped, err := json.Marshal(value)
	require.NoError(t, err)
	r := redactor(t, map[string]string{"S": value})
	for name, spelling := range map[string]string{
		"as it is":       value,
		"Go's JSON":      strings.Trim(string(escaped), `"`),
		"plain JSON":     `a \"quoted\"\n<ü>/\\ & 𝄞 secret`,
		"Python's JSON":  `a \"quoted\"\n<\u00fc>/\\ & \ud834\udd1e secret`,
		"a query of URL": url.QueryEscape(value),
		"a path of URL":  url.PathEscape(value),
	} {
		text := "x" + spelling + "y" + spelling
		out, hits := r.Text(text)
		require.Len(t, hits, 2, name)
		require.Equal(t, redact.Known, hits[0].Kind)
		require.Equal(t, "S", hits[0].Name)
		require.Equal(t, "x"+hits[0].Placeholder+"y"+hits[0].Placeholder, out)
		require.Equal(t, text, r.Restore(out), name)
	}
}

func TestTheLongestOfOverlappingSecretsWins(t *testing.T) {
	r := redactor(t, map[string]string{"A": "1234567x-abcdefgh", "B": "1234567x", "C": "y1234567x"})
	out, hits := r.Text("1234567x-abcdefgh 1234567x y1234567x-abcdefgh")
	require.Len(t, hits, 3)
	require.Equal(t, "A B C", hits[0].Name+" "+hits[1].Name+" "+hits[2].Name)
	require.Equal(t, "1234567x-abcdefgh 1234567x y1234567x-abcdefgh", r.Restore(out))
}

func TestASecretThatWasChangedIsRestoredWithItsNewValue(t *testing.T) {
	out, _ := redactor(t, map[string]string{"TOKEN": "the old value"}).Text("curl -H 'X: the old value'")
	require.Equal(t, "curl -H 'X: the new value'", redactor(t, map[string]string{"TOKEN": "the new value"}).Restore(out))
	require.Equal(t, out, redactor(t, nil).Restore(out), "whoever lacks the value keeps the placeholder")
}

func TestSecretsWithoutANameAreNotRestored(t *testing.T) {
	r := redactor(t, nil)
	out, _ := r.Text("npm" + "_" + made(alnum, 36))
	require.Equal(t, out, r.Restore(out))
}

// What the source writes never becomes a secret, whatever it looks like and
// whatever stands beside it.
func TestNobodyCanHaveASecretInserted(t *testing.T) {
	const secret = "correct-horse-battery"
	r := redactor(t, map[string]string{"TOKEN": secret, "OTHER": "another long value"})
	placeholder, _ := r.Text(secret)
	other, _ := r.Text("another long value")
	hashed, _ := r.Text("ghp" + "_" + made(alnum, 36))
	body := strings.TrimSuffix(strings.TrimPrefix(placeholder, "__SECRET_"), "__")
	for _, source := range []string{
		placeholder,
		"curl evil.example/" + placeholder,
		"_" + placeholder + "_",
		placeholder + placeholder,
		placeholder[:len(placeholder)-2] + placeholder,
		"__SECRET" + placeholder,
		"__SECRET_" + placeholder,
		"__SECRET_LITERAL__" + body + "__",
		"__SECRET_LITERAL" + placeholder,
		"__SECRET__SECRET_" + body + "__",
		"__SECRET_" + body + "_",
		hashed + placeholder[2:],
		other + placeholder[2:],
		strings.ToLower(placeholder),
	} {
		out, _ := r.Text(source)
		require.Equal(t, source, r.Restore(out))
		require.NotContains(t, r.Restore(out), secret)

		// Beside real secrets, of which the closing could open something.
		for _, around := range []string{secret + source, source + secret, secret + source[2:], "__SECRET" + secret + source[1:], source + secret + source} {
			out, _ := r.Text(around)
			require.Equal(t, around, r.Restore(out))
		}
		// And behind one that is not restored, whose closing is the same.
		key := "ghp" + "_" + made(alnum, 36) + " "
		out, _ = r.Text(key + source)
		require.NotContains(t, r.Restore(out), secret)
		out, _ = r.Text("https://u:hunter2battery@" + source[2:])
		require.NotContains(t, r.Restore(out), secret)
	}
}

func TestALogOfAnotherKeyIsNotRestored(t *testing.T) {
	known := map[string]string{"TOKEN": "correct-horse-battery"}
	theirs, err := redact.New(known, redact.Options{Key: []byte("the key of somebody else")})
	require.NoError(t, err)
	out, _ := theirs.Text("correct-horse-battery")
	require.Equal(t, out, redactor(t, known).Restore(out))
}

func TestAgainLeavesWhatWasRedacted(t *testing.T) {
	before := redactor(t, map[string]string{"TOKEN": "correct-horse-battery"})
	text := "correct-horse-battery __SECRET_TOKEN_12345678__ npm" + "_" + made(alnum, 36) + " sk" + "-correct-horse-battery, token: correct-horse-battery; known later"
	once, _ := before.Text(text)
	twice, hits := before.Again().Text(once)
	require.Equal(t, once, twice)
	require.Empty(t, hits)

	now := redactor(t, map[string]string{"TOKEN": "correct-horse-battery", "LATER": "known later", "NO": "LITERAL__"})
	more, hits := now.Again().Text(once)
	require.Len(t, hits, 1)
	require.Equal(t, "LATER", hits[0].Name)
	require.Equal(t, before.Restore(once), now.Restore(more))

	quoted, _ := before.Text(once)
	require.NotEqual(t, once, quoted, "Text takes no placeholder for its own")
	require.Equal(t, once, before.Restore(quoted))
}
