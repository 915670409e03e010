package redact

import "strings"

// What people write where a secret would stand: in documentation, in tests, and
// in code that gets it from elsewhere.
var stands = []string{
	"example", "change", "dummy", "fake", "placeholder", "redacted", "hidden", "your", "insert", "sample",
	"xxx", "***", "...", "___", "password", "passwd", "secret", "token", "apikey", "api_key", "api-key",
	"foobar", "foo_", "mock", "test",
}

// isStandIn says that a value is a variable, a template or an example.
func isStandIn(v string) bool {
	if v == "" || strings.IndexByte("$%<{[(.~-#@!", v[0]) >= 0 || strings.ContainsAny(v, "<>{}$ \t\n") {
		return true
	}
	lower := strings.ToLower(v)
	for _, s := range stands {
		if strings.Contains(lower, s) {
			return true
		}
	}
	return false
}

// looksSet says that a value where only a password can stand is one.
func looksSet(v string) bool {
	if len(v) < 5 || len(v) > 256 || isStandIn(v) {
		return false
	}
	return len(v) >= 10 || hasDigit(v)
}

// looksChosen says that a value is a password that a person has chosen with care:
// not a word, not a word with a number behind it, not an expression.
func looksChosen(v string) bool {
	if len(v) < minKnown || len(v) > 128 || !hasDigit(v) || isStandIn(v) || !isPrintable(v) {
		return false
	}
	stem := strings.TrimRight(v, "0123456789")
	if stem == "" || v[0] == '/' || isPath(v) {
		return false
	}
	mark := strings.ContainsAny(v, "!@#%^&*+=?~")
	return mark || hasDigit(stem) && strings.ContainsFunc(stem, func(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' })
}

// looksMade says that a value was made by a machine: long, mixed, without words.
func looksMade(v string) bool {
	if len(v) < 16 || len(v) > longestValue || !hasDigit(v) || !mixed(v) || isStandIn(v) || !isPrintable(v) || isPath(v) {
		return false
	}
	return restless(v) >= 0.2
}

// restless is how often the class of the character changes from one to the next:
// 0.4 and more in what is random, whatever its alphabet, and half of that in the
// longest of identifiers. That a word begins with a capital, or ends, is no
// change.
func restless(v string) float64 {
	changes := 0
	for i := 1; i < len(v); i++ {
		was, is := classOf(v[i-1]), classOf(v[i])
		if was != is && was != other && is != other && (was != upper || is != lower) {
			changes++
		}
	}
	return float64(changes) / float64(len(v)-1)
}

type class int

const (
	other class = iota
	lower
	upper
	digit
)

func classOf(c byte) class {
	switch {
	case 'a' <= c && c <= 'z':
		return lower
	case 'A' <= c && c <= 'Z':
		return upper
	case isDigit(c):
		return digit
	}
	return other
}

// isName says that a value could be an expression of a program.
func isName(v string) bool {
	for i := range len(v) {
		if c := v[i]; !isAlnum(c) && c != '_' && c != '.' {
			return false
		}
	}
	return !isDigit(v[0])
}

func isPath(v string) bool { return strings.Count(v, "/") > len(v)/16+1 }

func isPrintable(v string) bool {
	for i := range len(v) {
		if v[i] <= ' ' || v[i] > '~' {
			return false
		}
	}
	return true
}
