package redact_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alnum   = letters + "0123456789"
	b64     = alnum + "+/"
	token   = alnum + "_-"
	hexa    = "0123456789abcdef"
	base32  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// made is what a machine would make: always the same for the same arguments, and
// never written down anywhere.
func made(alphabet string, n int) string {
	r := rand.New(rand.NewPCG(uint64(len(alphabet)), uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func redactor(t testing.TB, known map[string]string, emails ...bool) *redact.Redactor {
	t.Helper()
	r, err := redact.New(known, redact.Options{Key: []byte("a key for tests only"), Emails: len(emails) > 0})
	require.NoError(t, err)
	return r
}

// marked returns the text with the hits that change it in guillemets, after
// their kinds.
func marked(s string, hits []redact.Hit) string {
	var b strings.Builder
	done := 0
	for _, h := range hits {
		b.WriteString(s[done:h.Start] + "«" + string(h.Kind) + " " + s[h.Start:h.End] + "»")
		done = h.End
	}
	return b.String() + s[done:]
}

func TestPlaceholdersAreOneWordEverywhere(t *testing.T) {
	r := redactor(t, map[string]string{"OPENAI_API_KEY": "not what they look like"})
	for _, s := range []string{"not what they look like", "ghp" + "_" + made(alnum, 36)} {
		out, hits := r.Text(s)
		require.Len(t, hits, 1)
		require.Equal(t, hits[0].Placeholder, out)
		require.Regexp(t, regexp.MustCompile(`^__SECRET_(OPENAI_API_KEY|github)_[0-9a-f]{8}__$`), out)
	}
}

func TestPlaceholdersAreStable(t *testing.T) {
	key := "ghp" + "_" + made(alnum, 36)
	other := "ghp" + "_" + strings.Replace(made(alnum, 36), made(alnum, 36)[:1], "_", 1)[1:] + "Z"
	r := redactor(t, nil)
	out, _ := r.Text(key + " " + key + " " + other)
	words := strings.Fields(out)
	require.Equal(t, words[0], words[1])
	require.NotEqual(t, words[0], words[2])
	again, _ := redactor(t, nil).Text(key)
	require.Equal(t, words[0], again)

	elsewhere, err := redact.New(nil, redact.Options{Key: []byte("the key of another store")})
	require.NoError(t, err)
	there, _ := elsewhere.Text(key)
	require.NotEqual(t, again, there, "the hash can be computed without the key")
}

func TestTheHashDoesNotDependOnHowASecretWasFound(t *testing.T) {
	key := made(alnum, 40)
	r := redactor(t, nil)
	_, assigned := r.Text("api_key = \"" + key + "\"")
	_, sent := r.Text("Authorization: Bearer " + key)
	require.Equal(t, redact.Assignment, assigned[0].Kind)
	require.Equal(t, redact.Authorization, sent[0].Kind)
	hash := func(h redact.Hit) string { return h.Placeholder[len(h.Placeholder)-10:] }
	require.Equal(t, hash(assigned[0]), hash(sent[0]))
}

func TestATextWithoutHitsComesBackItself(t *testing.T) {
	r := redactor(t, map[string]string{"TOKEN": "correct-horse-battery"}, true)
	text := strings.Repeat("def test_password_is_asked_for(self): token = self.token == None  # see https://example.com/a?b=c\n", 50)
	require.Zero(t, testing.AllocsPerRun(20, func() {
		if out, hits := r.Text(text); out != text || hits != nil {
			t.Error("it changed")
		}
	}))
}

func TestEntropyOnlyFlags(t *testing.T) {
	r := redactor(t, nil)
	text := "the value " + made(alnum, 32) + " stands here"
	out, hits := r.Text(text)
	require.Equal(t, text, out)
	require.Equal(t, []redact.Hit{{Kind: redact.Entropy, Start: 10, End: 42}}, hits)
	require.Equal(t, hits, r.Check(text))
	require.Empty(t, r.Patch(text), "a flag blocks nothing")
}

func TestCheckFindsWhatTextReplaces(t *testing.T) {
	r := redactor(t, map[string]string{"TOKEN": "correct-horse-battery"})
	text := "__SECRET_X correct-horse-battery ghp" + "_" + made(alnum, 36)
	out, hits := r.Text(text)
	require.Equal(t, hits[1:], r.Check(text), "what only looks like a placeholder is no secret")
	require.Empty(t, r.Check(out))
}

func TestAPatchIsBlockedAndNotAltered(t *testing.T) {
	r := redactor(t, map[string]string{"TOKEN": "correct-horse-battery"})
	patch := "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n+TOKEN = 'correct-horse-battery'\n+__SECRET_X\n"
	hits := r.Patch(patch)
	require.Len(t, hits, 1)
	require.Equal(t, "correct-horse-battery", patch[hits[0].Start:hits[0].End])
	require.Empty(t, r.Patch("diff --git a/x b/x\nindex "+made(hexa, 40)+".."+made(hexa, 40)+" 100644\n+password = None\n"))
}

func TestTheMoreCertainWinsWhereTwoOverlap(t *testing.T) {
	key := "ghp" + "_" + made(alnum, 36)
	for text, want := range map[string]string{
		"token: '" + key + "'":              "token: '«github " + key + "»'",
		"https://x:" + key + "@github.com":  "https://x:«github " + key + "»@github.com",
		"password=battery-of-horses-" + key: "password=«known battery-of-horses»-«github " + key + "»",
	} {
		_, hits := redactor(t, map[string]string{"A": "battery-of-horses"}).Text(text)
		require.Equal(t, want, marked(text, hits))
	}
}
