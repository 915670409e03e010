package redact_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// The keys are put together here, so that none of them stands in a file.
func TestKeysOfKnownFormsAreFound(t *testing.T) {
	segment := func(s string) string { return base64url(s) }
	for _, tt := range []struct {
		name string
		kind redact.Kind
		key  string
	}{
		{"OpenAI, of old", redact.OpenAI, "sk" + "-" + made(alnum, 48)},
		{"OpenAI, of a project", redact.OpenAI, "sk" + "-proj-" + made(token, 120)},
		{"OpenAI, of a service account", redact.OpenAI, "sk" + "-svcacct-" + made(token, 60)},
		{"OpenRouter", redact.OpenAI, "sk" + "-or-v1-" + made(hexa, 64)},
		{"DeepSeek", redact.OpenAI, "sk" + "-" + made(hexa, 32)},
		{"Anthropic", redact.Anthropic, "sk" + "-ant-api03-" + made(token, 93) + "AA"},
		{"GitHub, personal", redact.GitHub, "ghp" + "_" + made(alnum, 36)},
		{"GitHub, OAuth", redact.GitHub, "gho" + "_" + made(alnum, 36)},
		{"GitHub, of an app for a user", redact.GitHub, "ghu" + "_" + made(alnum, 36)},
		{"GitHub, of an installation", redact.GitHub, "ghs" + "_" + made(alnum, 36)},
		{"GitHub, to refresh", redact.GitHub, "ghr" + "_" + made(alnum, 76)},
		{"GitHub, fine-grained", redact.GitHub, "github" + "_pat_" + made(alnum, 22) + "_" + made(alnum, 59)},
		{"GitLab, personal", redact.GitLab, "glpat" + "-" + made(token, 20)},
		{"GitLab, routable", redact.GitLab, "glpat" + "-" + made(token, 27) + ".01." + made(alnum, 9)},
		{"GitLab, of a runner", redact.GitLab, "glrt" + "-" + made(token, 20)},
		{"AWS id", redact.AWSID, "AK" + "IA" + made(base32, 16)},
		{"AWS id, for a session", redact.AWSID, "AS" + "IA" + made(base32, 16)},
		{"Google", redact.Google, "AI" + "za" + made(token, 35)},
		{"Google, secret of a client", redact.Google, "GOC" + "SPX-" + made(token, 28)},
		{"Google, access", redact.Google, "ya" + "29." + made(token, 100)},
		{"Hugging Face", redact.HuggingFace, "hf" + "_" + made(letters, 34)},
		{"Slack, of a bot", redact.Slack, "xox" + "b-" + made("0123456789", 12) + "-" + made("0123456789", 13) + "-" + made(alnum, 24)},
		{"Slack, of an app", redact.Slack, "xa" + "pp-1-A" + made(alnum, 10) + "-" + made("0123456789", 13) + "-" + made(hexa, 64)},
		{"npm", redact.NPM, "npm" + "_" + made(alnum, 36)},
		{"PyPI", redact.PyPI, "pypi" + "-AgEIcHlwaS5vcmc" + made(token, 150)},
		{"Stripe", redact.Stripe, "sk" + "_live_" + made(alnum, 24)},
		{"Stripe, restricted", redact.Stripe, "rk" + "_test_" + made(alnum, 99)},
		{"Stripe, of a hook", redact.Stripe, "wh" + "sec_" + made(alnum, 32)},
		{"JWT", redact.JWT, segment(`{"alg":"HS256","typ":"JWT"}`) + "." + segment(`{"sub":"1234567890"}`) + "." + made(token, 43)},
		{"JWT of the shortest header", redact.JWT, segment(`{"alg":"HS256"}`) + "." + segment(`{"sub":"1"}`) + "." + made(token, 43)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := redactor(t, nil)
			for _, around := range [][2]string{
				{"", ""}, {"see ", " there"}, {"KEY=", "\n"}, {`{"k": "`, `"}`}, {"<k>", "</k>"}, {"'", "'"}, {"(", ")."},
				{`a line\n`, `\nand another`}, {"\x1b[1;32m", "\x1b[0m"}, {"?q=%3D", "&r=1"}, {"https://", "@github.com/a/b"}, {"a_", ", "},
			} {
				text := around[0] + tt.key + around[1]
				_, hits := r.Text(text)
				require.Equal(t, around[0]+"«"+string(tt.kind)+" "+tt.key+"»"+around[1], marked(text, hits))
			}
		})
	}
}

func base64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestAnAWSSecretIsFoundBesideItsID(t *testing.T) {
	id, secret := "AK"+"IA"+made(base32, 16), made(alnum, 30)+"/+"+made(alnum, 8)
	r := redactor(t, nil)
	for _, text := range []string{
		"aws configure set x " + id + "\naws configure set y " + secret + "\n",
		secret + "," + id,
	} {
		out, hits := r.Text(text)
		require.Len(t, hits, 2)
		require.NotContains(t, out, secret)
		require.NotContains(t, out, id)
	}
	far := id + strings.Repeat(" word", 100) + " " + secret
	require.Len(t, r.Check(far), 1, "%s is beside nothing", marked(far, r.Check(far)))
	digest := id + " " + made(hexa, 40)
	require.Len(t, r.Check(digest), 1, "a digest is no secret")
}

func TestWhatOnlyBeginsLikeAKeyIsLeft(t *testing.T) {
	for _, text := range []string{
		"sk" + "-folding-cube-2-and-a-spinner-animation",
		"sk" + "-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		"sk" + "-your-key-goes-here-and-nowhere-else",
		"mask" + "-" + made(alnum, 48) + "?no",
		"ghp" + "_" + strings.Repeat("x", 36),
		"ghp" + "_" + made(alnum, 20),
		"hf" + "_hub_download_from_the_model_repository",
		"npm" + "_config_registry_and_everything_else_there",
		"pypi" + "-attestations-and-other-packages-of-2024",
		"AK" + "IAIOSFODNN7EXAMPLE",
		"AK" + "IA" + strings.ToLower(made(base32, 16)),
		"xox" + "b-not-a-real-token-at-all",
		base64url(`{"algo":"none","more":1}`) + "." + base64url(`{"a":1}`) + ".x",
		"eyJ" + "hbGciOiJIUzI1NiJ9 alone",
		"GOC" + "SPX-short",
	} {
		for _, h := range redactor(t, nil).Check(text) {
			require.Equal(t, redact.Entropy, h.Kind, "%s", marked(text, []redact.Hit{h}))
		}
	}
}

func TestHostileRunsTakeLinearTime(t *testing.T) {
	r := redactor(t, nil)
	for _, unit := range []string{"sk-", "sk-proj-", "eyJ", "eyJ-", "AKIA-", "__SECRET_", "-----BEGIN PRIVATE KEY-----", "PRIVATE KEY", "password=", "://a:", "a@", "hf_"} {
		text := strings.Repeat(unit, (1<<18)/len(unit))
		out, _ := r.Text(text) // would take hours
		require.NotEmpty(t, out)
	}
}
