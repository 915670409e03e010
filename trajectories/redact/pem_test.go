package redact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/redact"
)

// pemLines is a private key as openssl prints it.
func pemLines(label string) []string {
	dashes := "-----"
	body := made(b64, 64*4+30) + "=="
	lines := []string{dashes + "BEGIN " + label + dashes}
	for len(body) > 64 {
		lines, body = append(lines, body[:64]), body[64:]
	}
	return append(lines, body, dashes+"END "+label+dashes)
}

func TestPrivateKeysAreFoundInAnyLayout(t *testing.T) {
	r := redactor(t, nil)
	for _, label := range []string{"PRIVATE" + " KEY", "RSA PRIVATE" + " KEY", "OPENSSH PRIVATE" + " KEY", "ENCRYPTED PRIVATE" + " KEY", "PGP PRIVATE" + " KEY BLOCK"} {
		lines := pemLines(label)
		plain, hits := r.Text(strings.Join(lines, "\n"))
		require.Equal(t, hits[0].Placeholder, plain)
		for name, text := range map[string]string{
			"carriage returns":     strings.Join(lines, "\r\n"),
			"escaped line feeds":   strings.Join(lines, `\n`),
			"escaped twice":        strings.Join(lines, `\\n`),
			"added by a patch":     strings.Join(lines, "\n+"),
			"indented":             strings.Join(lines, "\n    "),
			"under line numbers":   strings.Join(lines, "\n    17\t"),
			"joined string pieces": strings.Join(lines, "\\n\" +\n  \""),
		} {
			out, hits := r.Text("before " + text + " after")
			require.Len(t, hits, 1, name)
			require.Equal(t, "before "+plain+" after", out, "%s: equal keys have equal placeholders", name)
		}
	}
}

func TestAPrivateKeyThatWasCutOffIsFound(t *testing.T) {
	r := redactor(t, nil)
	lines := pemLines("RSA PRIVATE" + " KEY")
	for name, text := range map[string]string{
		"at the end":    strings.Join(lines[:3], "\n"),
		"in the middle": strings.Join(lines[:3], "\n") + "\n[12345 bytes left out]\nmore",
		"by another":    strings.Join(lines[:3], "\n") + "\n" + strings.Join(lines, "\n"),
	} {
		out, hits := r.Text(text)
		require.NotEmpty(t, hits, name)
		require.Equal(t, redact.PrivateKey, hits[0].Kind, name)
		require.NotContains(t, out, lines[2], name)
	}
}

func TestWhoWritesAboutPrivateKeysHasNone(t *testing.T) {
	begin, end := "-----"+"BEGIN PRIVATE"+" KEY-----", "-----"+"END PRIVATE"+" KEY-----"
	r := redactor(t, nil)
	for _, text := range []string{
		begin,
		begin + "\n...\n" + end,
		"if line.startswith(\"" + begin + "\"):\n    key = read_until(\"" + end + "\")",
		"-----" + "BEGIN PUBLIC KEY-----\n" + made(b64, 64),
		"-----" + "BEGIN CERTIFICATE-----\nPRIVATE KEY-----" + made(b64, 64),
	} {
		require.Empty(t, r.Patch(text), text)
	}
}
