package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

func TestJSONKeepsTheBytesOfAllElse(t *testing.T) {
	r := redactor(t, map[string]string{"TOKEN": "correct-horse-battery"})
	placeholder, _ := r.Text("correct-horse-battery")
	raw := json.RawMessage("{ \"a\\u002fb\" : 1.0e5,\t\"c\":\"x\\/\\u0079\\ud834\\udd1e correct-\\u0068orse-battery\\n\\ud800 z\" ,\"d\":[null,true]}\n")
	out, hits := r.JSON(raw)
	require.Equal(t, strings.Replace(string(raw), `correct-\u0068orse-battery`, placeholder, 1), string(out))
	require.Len(t, hits, 1)
	require.Equal(t, `correct-\u0068orse-battery`, string(raw[hits[0].Start:hits[0].End]))

	clean := json.RawMessage(`{"a": "nothing to see"}`)
	same, hits := r.JSON(clean)
	require.Empty(t, hits)
	require.Same(t, &clean[0], &same[0])
}

func TestJSONInJSON(t *testing.T) {
	const secret = "a \"quoted\"\n<ü>\\ secret"
	r := redactor(t, map[string]string{"S": secret})
	placeholder, _ := r.Text(secret)
	inner := `{"command": "echo 'a \"quoted\"\n<ü>\\ secret'", "n":1}`
	middle, err := json.Marshal([]string{inner})
	require.NoError(t, err)
	raw, err := json.Marshal(map[string]string{"arguments": string(middle), "content": secret})
	require.NoError(t, err)

	out, hits := r.JSON(raw)
	require.Len(t, hits, 2)
	require.Equal(t, 2, strings.Count(string(out), placeholder))
	require.NotContains(t, string(out), "quoted")
	require.Equal(t, "echo '"+placeholder+"'", command(t, out))
	require.Equal(t, "echo '"+secret+"'", command(t, r.RestoreJSON(out)))
}

// command reads {"arguments": "[\"{\\\"command\\\": …}\"]"}.
func command(t *testing.T, raw []byte) any {
	t.Helper()
	var args, calls, shell = map[string]string{}, []string{}, map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &args))
	require.NoError(t, json.Unmarshal([]byte(args["arguments"]), &calls))
	require.NoError(t, json.Unmarshal([]byte(calls[0]), &shell))
	return shell["command"]
}

func TestTheNameOfAMemberGivesItsValueAway(t *testing.T) {
	key := made(alnum, 32)
	for raw, kind := range map[string]redact.Kind{
		`{"model_kwargs": {"api_key" : "` + key + `"}}`:                      redact.Assignment,
		`{"headers": {"Authorization": "Bearer ` + key + `"}}`:               redact.Authorization,
		`{"body": "{\"password\": \"` + key + `\"}"}`:                        redact.Assignment,
		`{"` + "ghp" + "_" + made(alnum, 36) + `": 1}`:                       redact.GitHub,
		`{"n": 1, "aws_secret_access_key": "` + made(b64, 40) + `", "z": 2}`: redact.Assignment,
	} {
		out, hits := redactor(t, nil).JSON(json.RawMessage(raw))
		require.Len(t, hits, 1, raw)
		require.Equal(t, kind, hits[0].Kind, raw)
		require.True(t, json.Valid(out))
	}
	for _, raw := range []string{`{"api_key": null, "x": "` + key[:12] + `"}`, `{"token": ["` + key[:20] + `"]}`, `["api_key", "` + key[:20] + `"]`} {
		_, hits := redactor(t, nil).JSON(json.RawMessage(raw))
		require.Empty(t, hits, raw)
	}
}

func TestWhatIsNoJSONIsRedactedAsAText(t *testing.T) {
	r := redactor(t, map[string]string{"TOKEN": "correct-horse-battery"})
	for _, raw := range []string{`correct-horse-battery`, `{"a": "correct-horse-battery`, `{"a": correct-horse-battery}`, `"correct-horse-battery\`, `{"a":"correct-horse-battery"} # {`} {
		out, hits := r.JSON(json.RawMessage(raw))
		require.Len(t, hits, 1, raw)
		require.NotContains(t, string(out), "horse", raw)
		require.Equal(t, raw, string(r.RestoreJSON(out)))
	}
}

func TestAKnownSecretMayBeJSON(t *testing.T) {
	secret := `{"type":"service_account","id":"a long one"}`
	r := redactor(t, map[string]string{"CREDENTIALS": secret})
	for _, text := range []string{secret, "[" + secret + ",1]", "x " + secret} {
		raw, err := json.Marshal(map[string]string{"env": text})
		require.NoError(t, err)
		out, hits := r.JSON(raw)
		require.Len(t, hits, 1)
		require.NotContains(t, string(out), "service_account")
		require.Equal(t, string(raw), string(r.RestoreJSON(out)))
	}
}

// A reader of JSON sees through escapes, so the source could try to write a
// placeholder with them, at any depth, or have a text become JSON by what is
// taken out of it.
func TestNobodyCanHaveASecretInsertedIntoJSON(t *testing.T) {
	const secret = "correct-horse-battery"
	lines := "two lines\nof secret"
	r := redactor(t, map[string]string{"TOKEN": secret, "LINES": lines})
	placeholder, _ := r.Text(secret)
	escaped := `\u005f` + placeholder[1:]
	quote := func(s string) string {
		b, err := json.Marshal(s)
		require.NoError(t, err)
		return string(b)
	}
	for _, raw := range []string{
		`"` + placeholder + `"`,
		`"` + escaped + `"`,
		`{"` + escaped + `":"` + placeholder + `"}`,
		quote(`{"a":"` + escaped + `"}`),
		quote(`{"a":` + quote(`{"b":"`+escaped+`"}`) + `}`),
		quote(`{"a":"` + escaped + `","b":"` + lines + `"}`),
		quote(`{"a":"` + placeholder + `","b":"` + lines + `"}`),
		`{"a":"` + escaped + `",` + lines + `}`,
	} {
		out, _ := r.JSON(json.RawMessage(raw))
		require.NotContains(t, string(out), lines)
		require.NotContains(t, string(r.RestoreJSON(out)), secret, raw)
		out, _ = r.Again().JSON(out)
		require.NotContains(t, string(r.RestoreJSON(out)), secret, raw)
	}
}

func TestDeepJSONEnds(t *testing.T) {
	r := redactor(t, map[string]string{"TOKEN": "correct-horse-battery"})
	raw := []byte(`"correct-horse-battery"`)
	for range 12 {
		var err error
		raw, err = json.Marshal([]string{string(raw)})
		require.NoError(t, err)
	}
	out, hits := r.JSON(raw)
	require.Len(t, hits, 1)
	require.True(t, json.Valid(out))
	nested := strings.Repeat("[", 1<<20)
	same, _ := r.JSON(json.RawMessage(nested))
	require.Equal(t, nested, string(same))
}
