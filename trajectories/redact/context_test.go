package redact_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

func TestWhatStandsBeforeASecretGivesItAway(t *testing.T) {
	key, pass := made(alnum, 32), "hunter2"+"!battery"
	basic := base64.StdEncoding.EncodeToString([]byte("deploy:" + pass))
	for _, tt := range []struct {
		name   string
		kind   redact.Kind
		before string
		secret string
		after  string
	}{
		{"a shell", redact.Assignment, "export API_KEY=", key, "\n"},
		{"a file of settings", redact.Assignment, "DB_PASSWORD = ", pass, ""},
		{"a variable", redact.Assignment, "DB_PASSWORD=", "Xk29" + "dkLmQ7", "\n"},
		{"a variable among others", redact.Assignment, "USER=app PGPASSWORD=", "Xk29" + "dkLmQ7", " psql"},
		{"Python", redact.Assignment, "client = Client(api_key=\"", key, "\")"},
		{"an index", redact.Assignment, "os.environ[\"SECRET_KEY\"] = '", key, "'"},
		{"YAML", redact.Assignment, "  password: ", pass, "\n  user: x"},
		{"JSON", redact.Assignment, "{\"access_token\": \"", key, "\"}"},
		{"escaped JSON", redact.Assignment, `{\"clientSecret\": \"`, key, `\"}`},
		{"Go", redact.Assignment, "authToken := `", key, "`"},
		{"Ruby", redact.Assignment, "{ :api_key => '", key, "' }"},
		{"a query", redact.Assignment, "GET /v1?a=b&token=", key, "&c=d"},
		{"a URL", redact.URLPassword, "postgres://app:", pass, "@db:5432/app"},
		{"a URL without a user", redact.URLPassword, "redis://:", pass, "@cache"},
		{"a URL with @ in the password", redact.URLPassword, "amqp://app:", "hunter2@" + "battery", "@queue/vhost"},
		{"a bearer", redact.Authorization, "Authorization: Bearer ", key, "\r\n"},
		{"curl", redact.Authorization, "curl -H \"Authorization: token ", key, "\" https://api"},
		{"requests", redact.Authorization, "headers={'Authorization': 'Bearer ", key, "'}"},
		{"a basic credential", redact.Authorization, "authorization: Basic ", basic, ""},
		{"a header of its own", redact.Assignment, "X-Api-Key: ", key, "\r\n"},
		{"AWS", redact.Assignment, "aws_secret_access_key = ", "/" + made(b64, 39), "\n"},
		{"a Slack hook", redact.Slack, "https://hooks.slack.com/services/", "T" + made(base32, 8) + "/B" + made(base32, 10) + "/" + made(alnum, 24), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.before + tt.secret + tt.after
			_, hits := redactor(t, nil).Text(text)
			require.Equal(t, tt.before+"«"+string(tt.kind)+" "+tt.secret+"»"+tt.after, marked(text, hits))
		})
	}
}

func TestCodeThatSpeaksAboutSecretsIsLeft(t *testing.T) {
	for _, text := range []string{
		"password = None", "password=password", "password: str = ''", "token = self.token2", "token = tokens[12345678]",
		"password = get_password2(user1)", "api_key = os.environ['API_KEY_2']", "api_key=$API_KEY_2024", "API_KEY=${API_KEY:-a1b2c3}",
		"api_key: <your-api-key-1234567890>", "password=\"changeme123\"", "password='test12345'", "secret_key = 'example-1a2b3c4d5e6f7g8h'",
		"password=value2b7c9", "PASSWORD = value2b7c9", "Db_password=value2b7c9", "connect(PASSWORD=settings.DB2PW9)",
		"max_tokens = 1234567890123456", "eos_token: '<|endoftext|>'", "token == 'abc'", "pwd=/home/user1/project2", "OLDPWD=/testbed/a1/b2/c3",
		"token: \"**********\"", "password: <secret-hidden>", "tokenizer = AutoTokenizer.from_pretrained('bert-base-uncased-v2')",
		"https://user:password@host", "https://user:pass@host/", "https://example.com:8080/a@b", "http://${USER}:${PASS}@host",
		"http://postgres:postgres@db", "git://host/path:with:colons", "std::string password;", "http://localhost:8000/a?x=y:z@w",
		"Authorization: Bearer <token>", "Authorization: Bearer $TOKEN", "\"Authorization\": f\"Bearer {token}\"", "Authorization: Basic dXNlcjpwYXNz",
		"self.assertEqual(response['Authorization'], 'Bearer token')", "password123 = 1", "secret: true", "key: a1b2c3d4e5f6g7h8i9j0",
		"secret_key_base64_encoder_name=Base64EncoderOfSecrets2",
	} {
		require.Empty(t, redactor(t, nil).Patch(text), text)
	}
}

func TestEMailAddressesGoOnlyIfAskedFor(t *testing.T) {
	text := "Author: A <ada.l@calc.org>, git@github.com:a/b, x@example.com, @pytest.mark.x, a@b, mailto:bob@mail.calc.co.uk. ftp://a:b@calc.org"
	require.Empty(t, redactor(t, nil).Check(text))
	_, hits := redactor(t, nil, true).Text(text)
	require.Equal(t, "Author: A <«email ada.l@calc.org»>, git@github.com:a/b, x@example.com, @pytest.mark.x, a@b, mailto:«email bob@mail.calc.co.uk». ftp://a:b@calc.org",
		marked(text, hits))
}

func TestWhatLooksRandomAndIsKnownIsNotFlagged(t *testing.T) {
	flagged := redactor(t, nil)
	require.Len(t, flagged.Check("x "+made(alnum, 32)), 1)
	require.Len(t, flagged.Check("key "+made(hexa, 48)), 1)
	for _, text := range []string{
		"commit " + made(hexa, 40), "index " + made(hexa, 40) + ".." + made(hexa, 40) + " 100644", "parent: " + made(hexa, 40),
		made(hexa, 40) + " refs/heads/main", "sha256:" + made(hexa, 64), "sha512-" + made(alnum, 86) + "==", "--hash=sha256:" + made(hexa, 64),
		"md5 of it: " + made(hexa, 32), "id 550e8400-e29b-41d4-a716-446655440000", "call_" + made(alnum, 24), "toolu_" + made(alnum, 24),
		"chatcmpl-" + made(alnum, 29), "gen-1764000000-" + made(alnum, 20), "iVBORw0KGgo" + made(alnum, 100), "data:image/png;base64," + made(alnum, 100),
		"/usr/lib/" + made(alnum, 30) + "/x", made(alnum, 30) + "/x.py", "test_follow_307_and_308_preserves_query_string_2",
		"AbstractBeanFactory2AwareAspectInstanceFactory3", "__SECRET_github_0123abcd__", "__SECRET_OPENAI_API_KEY_0123abcd__",
		"manylinux_2_17_x86_64-manylinux2014_x86_64", "task-" + made(hexa, 40) + "-v1", "01HBZ975D8606P6CV672KW1AP2", "h1:" + made(alnum, 43) + "=",
		made(alnum, 400), "a very-long-name-of-a-thing-with-2-numbers-in-34-it",
	} {
		require.Empty(t, flagged.Check(text), text)
	}
}
