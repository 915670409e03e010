package redact

import (
	"encoding/base64"
	"math/bits"
	"strings"
)

// A form is how one maker writes keys: a prefix that nothing else has, and a
// body.
type form struct {
	kind   Kind
	prefix string
	// body returns how many bytes after the prefix belong to the key, or 0 when
	// they are none. It gets the rest of the run of token characters, and what
	// follows.
	body func(run, after string) int
}

// The forms by their first byte. They are those that the makers document, and
// where they do not, those of the rules of gitleaks and detect-secrets.
var forms = map[byte][]form{
	'A': {
		{Google, "AIza", exactly(35)},
		{AWSID, "AKIA", awsID}, {AWSID, "ASIA", awsID}, {AWSID, "ABIA", awsID}, {AWSID, "ACCA", awsID},
	},
	'G': {{Google, "GOCSPX-", exactly(28)}},
	'a': {{HuggingFace, "api_org_", alnum(34, 40)}},
	'e': {{JWT, "eyJ", jwt}},
	'g': {
		{GitHub, "ghp_", alnum(36, 255)}, {GitHub, "gho_", alnum(36, 255)}, {GitHub, "ghu_", alnum(36, 255)},
		{GitHub, "ghs_", alnum(36, 255)}, {GitHub, "ghr_", alnum(36, 255)}, {GitHub, "github_pat_", words(40)},
		{GitLab, "glpat-", gitLab}, {GitLab, "gldt-", gitLab}, {GitLab, "glrt-", gitLab}, {GitLab, "glrtr-", gitLab},
		{GitLab, "glcbt-", gitLab}, {GitLab, "glptt-", gitLab}, {GitLab, "glft-", gitLab}, {GitLab, "glimt-", gitLab},
		{GitLab, "glagent-", gitLab}, {GitLab, "gloas-", gitLab}, {GitLab, "glsoat-", gitLab}, {GitLab, "glffct-", gitLab},
	},
	'h': {{HuggingFace, "hf_", alnum(34, 40)}},
	'n': {{NPM, "npm_", alnum(36, 36)}},
	'p': {{PyPI, "pypi-AgE", words(50)}},
	'r': {{Stripe, "rk_live_", alnum(16, 247)}, {Stripe, "rk_test_", alnum(16, 247)}},
	's': {
		{Anthropic, "sk-ant-", words(20)},
		{OpenAI, "sk-", openAI},
		{Stripe, "sk_live_", alnum(16, 247)}, {Stripe, "sk_test_", alnum(16, 247)},
	},
	'w': {{Stripe, "whsec_", alnum(24, 255)}},
	'x': {{Slack, "xox", slack}, {Slack, "xapp-", words(20)}},
}

// longestKey is where a run of token characters stops to be a key.
const longestKey = 1024

// appendKeys appends the keys in a run of token characters, and an AWS secret
// beside an id.
func appendKeys(keys []Hit, s string, start, end int) []Hit {
	if start >= len("ya29.") && s[start-5:start] == "ya29." && mixed(s[start:end]) {
		return append(keys, Hit{Kind: Google, Start: start - 5, End: end})
	}
	for i := start; i+minRun <= end; i++ {
		if i > start && isAlnum(s[i-1]) {
			continue
		}
		for _, f := range forms[s[i]] {
			if !strings.HasPrefix(s[i:end], f.prefix) {
				continue
			}
			from := i + len(f.prefix)
			cut := min(end, from+longestKey)
			n := f.body(s[from:cut], s[cut:])
			if n == 0 || strings.Contains(s[i:from+n], opening) {
				continue
			}
			keys = append(keys, Hit{Kind: f.kind, Start: i, End: from + n})
			if f.kind == AWSID {
				keys = appendAWSSecret(keys, s, i, from+n)
			}
			i = from + n - 1
			break
		}
	}
	return keys
}

// alnum is a body of letters and digits.
func alnum(least, most int) func(run, after string) int {
	return func(run, _ string) int {
		n := 0
		for n < len(run) && isAlnum(run[n]) {
			n++
		}
		if n < least || n > most || !mixed(run[:n]) {
			return 0
		}
		return n
	}
}

// words is a body of any token characters.
func words(least int) func(run, after string) int {
	return func(run, _ string) int {
		if len(run) < least || !mixed(run) {
			return 0
		}
		return len(run)
	}
}

// exactly is a body of so many token characters.
func exactly(n int) func(run, after string) int {
	return func(run, _ string) int {
		if len(run) != n || !mixed(run) {
			return 0
		}
		return n
	}
}

// mixed says that a body is more than a word or a row of x: it has variety, and
// letters of both cases or letters and digits.
func mixed(s string) bool {
	s = s[:min(len(s), 128)] // what has none so far has none
	var upper, lower, digit bool
	var seen [2]uint64
	for i := range len(s) {
		c := s[i] & 0x7f
		upper = upper || 'A' <= c && c <= 'Z'
		lower = lower || 'a' <= c && c <= 'z'
		digit = digit || isDigit(c)
		seen[c>>6] |= 1 << (c & 63)
	}
	different := bits.OnesCount64(seen[0]) + bits.OnesCount64(seen[1])
	return different >= 8 && (upper && lower || digit && (upper || lower))
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// awsID is 16 characters of base32. AWS writes its own examples with EXAMPLE.
func awsID(run, _ string) int {
	const n = 16
	if len(run) < n || len(run) > n && isAlnum(run[n]) || strings.HasSuffix(run[:n], "EXAMPLE") {
		return 0
	}
	for i := range n {
		if c := run[i]; (c < 'A' || 'Z' < c) && (c < '2' || '7' < c) {
			return 0
		}
	}
	return n
}

// besideID is how far from its id an AWS secret is looked for. The two are
// neighbouring lines of a file, or members of an object.
const besideID = 160

// appendAWSSecret appends the secrets of 40 characters that belong to an id.
// They have no form of their own, so further away they would be digests.
func appendAWSSecret(keys []Hit, s string, start, end int) []Hit {
	from, to := max(0, start-besideID), min(len(s), end+besideID)
	for i := from; i < to; {
		if !isBase64(s[i]) {
			i++
			continue
		}
		n := 1
		for i+n < to && isBase64(s[i+n]) {
			n++
		}
		cut := i == from && from > 0 && isBase64(s[from-1]) || i+n == to && to < len(s) && isBase64(s[to])
		if v := s[i : i+n]; n == 40 && !cut && mixed(v) && hasDigit(v) && strings.ToLower(v) != v && !strings.Contains(v, "EXAMPLE") {
			keys = append(keys, Hit{Kind: AWSSecret, Start: i, End: i + n})
		}
		i += n
	}
	return keys
}

func isBase64(c byte) bool { return isAlnum(c) || c == '+' || c == '/' }

// gitLab is 20 characters, and since 2025 parts behind dots that say where to
// route it.
func gitLab(run, after string) int {
	if len(run) < 20 || !mixed(run) {
		return 0
	}
	n := len(run)
	for len(after) > 1 && after[0] == '.' && isAlnum(after[1]) {
		part := 1
		for part < len(after) && isAlnum(after[part]) {
			part++
		}
		if part > 12 {
			break
		}
		n, after = n+part, after[part:]
	}
	return n
}

// openAI is what others begin with sk-, too: a class of a style sheet does. A
// key says what it is for, or goes on for 20 letters and digits.
func openAI(run, _ string) int {
	first := strings.IndexAny(run, "-_")
	if first < 0 {
		first = len(run)
	}
	switch run[:first] {
	case "proj", "svcacct", "admin", "None", "or":
		if len(run) < 32 {
			return 0
		}
	default:
		if first < 20 || !hasDigit(run[:first]) {
			return 0
		}
	}
	if !mixed(run) {
		return 0
	}
	return len(run)
}

// slack is a letter for the kind of token, and parts in which digits come.
func slack(run, _ string) int {
	if len(run) < 17 || run[1] != '-' || !mixed(run) || !hasDigit(run) {
		return 0
	}
	return len(run)
}

// jwt is a header and a body in base64 of JSON, and a signature (RFC 7519). The
// header says early which algorithm it is.
func jwt(run, after string) int {
	const early = 256
	start := "eyJ" + run
	header, err := base64.RawURLEncoding.DecodeString(start[:min(len(start), early)])
	if err != nil || !strings.Contains(string(header), `"alg"`) {
		return 0
	}
	n := len(run)
	for range 4 { // an encrypted one has five parts
		part := 1
		for part < len(after) && isToken(after[part]) {
			part++
		}
		if len(after) == 0 || after[0] != '.' || part < 2 {
			break
		}
		n, after = n+part, after[part:]
	}
	if n < len(run)+20 {
		return 0
	}
	return n
}
