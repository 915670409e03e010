package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

func TestPeopleAreToldTheKindAndNotTheSecret(t *testing.T) {
	r := redactor(t, map[string]string{"API_KEY": "correct-horse-battery"})
	masked := r.Mask("refused: correct-horse-battery, ghp_" + made(alnum, 36) + " and __SECRET_x")
	require.Equal(t, "refused: [API_KEY], [github] and __SECRET_x", masked)
	again, hits := r.Text("it said " + r.Mask("correct-horse-battery"))
	require.Equal(t, "it said [API_KEY]", again)
	require.Empty(t, hits)
}

func TestAHeadIsWhatAllKeysOfAMakerHave(t *testing.T) {
	require.Equal(t, "ghp_…", redact.Head(redact.GitHub, "ghp_"+made(alnum, 36)))
	require.Equal(t, "sk-ant-…", redact.Head(redact.Anthropic, "sk-ant-"+made(alnum, 36)))
	require.Empty(t, redact.Head(redact.Known, "sk-ant-secret"))
	require.Empty(t, redact.Head(redact.Assignment, "correct-horse"))
	require.Empty(t, redact.Head(redact.Assignment, ""))
}

func TestWhatIsAllowedStays(t *testing.T) {
	example, other := "ghp_"+made(alnum, 36), "ghp_"+made(alnum, 37)[1:]
	random := made(token, 48)
	allow, err := redact.ReadAllowed("list", strings.NewReader("# examples\n\n  "+example+"\n/"+random[:8]+".*/\n/correct.*/\n"))
	require.NoError(t, err)
	r, err := redact.New(map[string]string{"PW": "correct-horse-battery"}, redact.Options{Key: []byte("a key for tests only"), Allow: allow})
	require.NoError(t, err)
	for text, stays := range map[string]bool{
		"key " + example:              true,
		"key " + other:                false,
		"id " + random:                true,
		"pw is correct-horse-battery": false,
	} {
		got, hits := r.Text(text)
		require.Equal(t, stays, got == text, text)
		require.Equal(t, stays, len(hits) == 0, text)
	}
	_, err = redact.ReadAllowed("list", strings.NewReader("a\n/(/\n"))
	require.ErrorContains(t, err, "list:2: error parsing regexp")
	_, err = redact.ReadAllowed("list", strings.NewReader("/[/\n"))
	require.ErrorContains(t, err, "missing closing ]: `[`", "it is told as it was written")
}

func TestASparedTextStays(t *testing.T) {
	const secret = "correct-horse-battery"
	r := redactor(t, map[string]string{"PW": secret})
	sparing := r.Sparing("", "+ "+secret+"\n__SECRET_\n")
	got, hits := sparing.Text("\n+ " + secret + "\n__SECRET_")
	require.Equal(t, "\n+ "+secret+"\n__SECRET_", got)
	require.Equal(t, []redact.Hit{{Kind: redact.Known, Name: "PW", Start: 3, End: 3 + len(secret)}}, hits)
	got, _ = sparing.Text("x + " + secret)
	require.NotContains(t, got, secret)
	raw, _ := sparing.JSON(json.RawMessage(`["+ ` + secret + `\n__SECRET_", "` + secret + `"]`))
	placeholder, _ := r.Text(secret)
	require.Equal(t, `["+ `+secret+`\n__SECRET_", "`+placeholder+`"]`, string(raw))
}

// A log is gone over again by somebody who knows other secrets: what it says
// stays, as long as the seal is right.
func TestPlaceholdersOfSecretsThatAreNotKnownNowStay(t *testing.T) {
	const secret = "correct \"horse\" battery/é"
	all := redactor(t, map[string]string{"PW": secret, "OTHER": "staple-horse-correct"})
	text, _ := all.Text(secret + ` correct \"horse\" battery/é correct%20%22horse%22%20battery%2F%C3%A9 staple-horse-correct`)
	require.Equal(t, 4, strings.Count(text, "__SECRET_"), text)
	again := redactor(t, map[string]string{"OTHER": "staple-horse-correct"}).Again()
	got, hits := again.Text(text)
	require.Equal(t, text, got)
	require.Empty(t, hits)
	forged := strings.ReplaceAll(text, "__SECRET_PW_", "__SECRET_PV_")
	got, _ = again.Text(forged)
	require.Contains(t, got, "__SECRET_LITERAL__PV_")
}
