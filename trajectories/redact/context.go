package redact

import (
	"encoding/base64"
	"slices"
	"strings"
)

// findContexts returns the secrets that nothing in themselves gives away, but
// what stands before them: a name that is assigned to, a header, a URL. The key
// is the name that the whole text has in JSON, or empty.
func findContexts(key, s string) []Hit {
	if hits := inJSON(key, s); hits != nil {
		return hits
	}
	var hits []Hit
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], ':')
		if i < 0 {
			break
		}
		at += i
		if strings.HasPrefix(s[at:], "://") {
			hits = append(hits, inURL(s, at)...)
		} else if m := meaningBefore(s, at); m != nothing {
			hits = append(hits, assigned(s, m, at+1, false)...)
		}
	}
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '=')
		if i < 0 {
			break
		}
		at += i
		if m := meaningBefore(s, at); m != nothing {
			hits = append(hits, assigned(s, m, at+1, isVariable(s, at))...)
		}
	}
	return inOrder(hits)
}

// isVariable reports whether a name in capitals stands right before an equals
// sign, and a value right behind: what env prints, shells read, and .env files
// hold. What stands there is rarely the name of something else, as it is in code.
func isVariable(s string, equals int) bool {
	if equals+1 == len(s) || s[equals+1] == ' ' || s[equals+1] == '=' {
		return false
	}
	i := equals
	for i > 0 && (s[i-1] == '_' || s[i-1] >= 'A' && s[i-1] <= 'Z' || s[i-1] >= '0' && s[i-1] <= '9') {
		i--
	}
	return i < equals && (i == 0 || !isAlnum(s[i-1]))
}

// A meaning is what a name says about its value.
type meaning int

const (
	nothing  meaning = iota
	password         // chosen by a person
	key              // made by a machine
	header           // Authorization: a scheme, then a credential
)

// The ends of names that say that the value is a secret, in lower case and
// without what parts words.
var meanings = map[meaning][]string{
	password: {"password", "passwd", "passphrase", "pwd", "dbpass", "userpass"},
	key: {
		"apikey", "secretkey", "accesskey", "privatekey", "authkey", "signingkey", "encryptionkey", "masterkey", "accountkey",
		"token", "secret",
	},
	header: {"authorization"},
}

// meaningBefore reads the name that ends before a colon or an equals sign. It is
// called for each of them, so what no name ends in comes first.
func meaningBefore(s string, end int) meaning {
	for skipped := 0; end > 0 && skipped < 6 && isAfterName(s[end-1]); skipped++ {
		end--
	}
	if end < 3 {
		return nothing
	}
	switch (uint16(s[end-2])<<8 | uint16(s[end-1])) | 0x2020 {
	case 'r'<<8 | 'd', 'w'<<8 | 'd', 's'<<8 | 'e', 's'<<8 | 's', 'e'<<8 | 'y', 'e'<<8 | 'n', 'e'<<8 | 't', 'o'<<8 | 'n':
	default:
		return nothing
	}
	var lower [16]byte
	n := len(lower)
	for i := end - 1; i >= 0 && n > 0; i-- {
		switch c := s[i]; {
		case isAlnum(c):
			n--
			lower[n] = c | 0x20
		case c != '_' && c != '-':
			return meaningOf(lower[n:])
		}
	}
	return meaningOf(lower[n:])
}

// isAfterName has what stands between a name and its colon or equals sign, as in
// os.environ["API_KEY"] = and \"token\":
func isAfterName(c byte) bool {
	switch c {
	case ' ', '\t', '"', '\'', '`', '\\', ']', ':':
		return true
	}
	return false
}

func meaningOf(name []byte) meaning {
	for m := password; m <= header; m++ {
		for _, end := range meanings[m] {
			if len(name) >= len(end) && string(name[len(name)-len(end):]) == end {
				return m
			}
		}
	}
	return nothing
}

// longestValue is the most that is read of a value.
const longestValue = 512

// assigned reads the value that is assigned to a name, from behind the colon or
// the equals sign. A literal is a value that is meant as it stands, also without
// quotes.
func assigned(s string, m meaning, at int, literal bool) []Hit {
	if at < len(s) && s[at] == '>' { // =>
		at++
	}
	for at < len(s) && (s[at] == ' ' || s[at] == '\t') {
		at++
	}
	quote := at
	for quote < len(s) && s[quote] == '\\' && quote-at < 8 {
		quote++
	}
	rest := s[at:min(len(s), at+longestValue)]
	if quote < len(s) && strings.IndexByte("\"'`", s[quote]) >= 0 {
		at = quote + 1
		rest = s[at:min(len(s), at+longestValue)]
		end := strings.IndexByte(rest, s[quote])
		if end < 0 || strings.IndexByte(rest[:end], '\n') >= 0 {
			return nil
		}
		return judged(s, m, at, at+len(strings.TrimRight(rest[:end], `\`)), true)
	}
	if m == header {
		end := strings.IndexAny(rest, "\"'`\\\r\n")
		if end < 0 {
			end = len(rest)
		}
		return judged(s, m, at, at+end, false)
	}
	end := strings.IndexAny(rest, " \t\r\n\"'`\\,;&|<>(){}[]")
	if end < 0 {
		end = len(rest)
	}
	if end < len(rest) && strings.IndexByte("({[", rest[end]) >= 0 {
		return nil // a call, not a value
	}
	return judged(s, m, at, at+end, literal && !strings.Contains(rest[:end], "."))
}

// inJSON judges a string of JSON by its name.
func inJSON(name, s string) []Hit {
	if len(s) > longestValue {
		return nil
	}
	m := meaningBefore(name, len(name))
	if m == nothing {
		return nil
	}
	return judged(s, m, 0, len(s), true)
}

// judged says whether a value is what its name says.
func judged(s string, m meaning, start, end int, quoted bool) []Hit {
	v := s[start:end]
	if strings.Contains(v, opening) {
		return nil
	}
	switch m {
	case header:
		return credential(s, start, end)
	case password:
		if !looksChosen(v) && !looksMade(v) || !quoted && isName(v) {
			return nil
		}
	default:
		if !looksMade(v) {
			return nil
		}
	}
	return []Hit{{Kind: Assignment, Start: start, End: end}}
}

// The schemes of Authorization headers after which the credential stands alone.
var schemes = []string{"bearer ", "token ", "apikey ", "bot ", "basic "}

// credential reads the value of an Authorization header (RFC 9110, section
// 11.6.2).
func credential(s string, start, end int) []Hit {
	v := s[start:end]
	i := slices.IndexFunc(schemes, func(scheme string) bool {
		return len(v) > len(scheme) && strings.EqualFold(v[:len(scheme)], scheme)
	})
	if i >= 0 {
		start += len(schemes[i])
		v = s[start:end]
		trimmed := strings.TrimLeft(v, " ")
		start += len(v) - len(trimmed)
		v = trimmed
	}
	if n := strings.IndexAny(v, " ,\t"); n >= 0 {
		v = v[:n]
	}
	if i >= 0 && schemes[i] == "basic " {
		_, pass, ok := strings.Cut(decoded(v), ":")
		if !ok || !looksSet(pass) {
			return nil
		}
	} else if !looksMade(v) {
		return nil
	}
	return []Hit{{Kind: Authorization, Start: start, End: start + len(v)}}
}

func decoded(v string) string {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
	if err != nil {
		return ""
	}
	return string(b)
}

// inURL reads the password of a URL (RFC 3986, section 3.2.1), whose scheme ends
// at a colon, or the path of a Slack hook, which is all that it takes to post.
func inURL(s string, colon int) []Hit {
	start := colon + len("://")
	rest := s[start:min(len(s), start+longestValue)]
	end := strings.IndexAny(rest, "/?# \t\r\n\"'`<>\\|")
	if end < 0 {
		end = len(rest)
	}
	if path, ok := strings.CutPrefix(rest[end:], "/services/"); ok && rest[:end] == "hooks.slack.com" {
		n := 0
		for n < len(path) && (isAlnum(path[n]) || path[n] == '/') {
			n++
		}
		if n < 40 || !mixed(path[:n]) || !hasDigit(path[:n]) {
			return nil
		}
		from := start + end + len("/services/")
		return []Hit{{Kind: Slack, Start: from, End: from + n}}
	}
	at := strings.LastIndexByte(rest[:end], '@')
	user, pass, ok := strings.Cut(rest[:max(at, 0)], ":")
	if !ok || strings.Contains(pass, opening) || pass == user || !looksSet(pass) {
		return nil
	}
	from := start + len(user) + 1
	return []Hit{{Kind: URLPassword, Start: from, End: from + len(pass)}}
}
