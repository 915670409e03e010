package llmtest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/agent/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func post(t *testing.T, url, body string) (status int, answer string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(raw)
}

func TestConversationsThatOpenAIRefusesAreRefused(t *testing.T) {
	const (
		user = `{"role":"user","content":"hi"}`
		call = `{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"bash","arguments":"{}"}}]}`
		tool = `{"role":"tool","tool_call_id":"1","content":""}`
	)
	conversation := func(messages ...string) string {
		return `{"model":"m","messages":[` + strings.Join(messages, ",") + `]}`
	}
	tests := []struct {
		name, body, says string
	}{
		{"good", conversation(user, call, tool, user), ""},
		{"not JSON", "{", "could not parse"},
		{"no model", `{"messages":[` + user + `]}`, "model parameter"},
		{"no messages", conversation(), "empty array"},
		{"stream", `{"model":"m","stream":true,"messages":[` + user + `]}`, "does not stream"},
		{"call without its observation", conversation(user, call, user), "must be followed by tool messages"},
		{"observation without its call", conversation(user, tool), "preceding message"},
		{"observation twice", conversation(user, call, tool, tool), "preceding message"},
		{"content left out", conversation(user, call, `{"role":"tool","tool_call_id":"1"}`), "expected a string"},
		{"call without an id", conversation(user, strings.Replace(call, `"id":"1"`, `"id":""`, 1)), "tool_calls"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := llmtest.NewFunc(t, func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Message: "hello"} })
			status, answer := post(t, s.URL()+"/chat/completions", tt.body)
			require.Len(t, s.Requests(), 1)
			if tt.says == "" {
				require.Equal(t, http.StatusOK, status, answer)
				require.Contains(t, answer, `"hello"`)
				require.Equal(t, 1, s.Requests()[0].Turn())
				return
			}
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, answer, tt.says)
		})
	}
}

func TestOtherAddressesAreNotFound(t *testing.T) {
	s := llmtest.New(t)
	status, _ := post(t, strings.TrimSuffix(s.URL(), "/v1")+"/chat/completions", "{}")
	require.Equal(t, http.StatusNotFound, status)
	require.Empty(t, s.Requests())
}
