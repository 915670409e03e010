package redact

import (
	"math"
	"slices"
	"strings"
)

const (
	// Shorter than this are too many identifiers; longer is data.
	leastRandom = 24
	mostRandom  = 256
	// A key of 32 characters in base64 has about 4.4 bits in each, as its own
	// letters are counted; one of 32 in hexadecimal 3.6.
	leastBits    = 3.8
	leastBitsHex = 3.0
)

// looksRandom says that a run of token characters looks like a key and like
// nothing that is known to look like one.
func looksRandom(s string, start, end int) bool {
	v := s[start:end]
	switch {
	case len(v) < leastRandom || len(v) > mostRandom || isInside(s, start, end) || !hasDigit(v) || !mixed(v):
		return false
	case isHexadecimal(v):
		return len(v) >= 32 && !isHarmless(s, start, end) && !isDigest(s, start, end) && entropy(v) >= leastBitsHex
	}
	return restless(v) >= 0.3 && !isHarmless(s, start, end) && !holdsDigest(v) && entropy(v) >= leastBits
}

// isInside says that a run is a part of a path, or of a longer text in base64.
func isInside(s string, start, end int) bool {
	return start > 0 && (s[start-1] == '/' || s[start-1] == '+') || end < len(s) && (s[end] == '/' || s[end] == '+')
}

// entropy is Shannon's, in bits for each byte of the text.
func entropy(v string) float64 {
	var count [256]int
	for i := range len(v) {
		count[v[i]]++
	}
	var h float64
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(v))
			h -= p * math.Log2(p)
		}
	}
	return h
}

func isHexadecimal(v string) bool {
	for i := range len(v) {
		if !isHex(v[i]) {
			return false
		}
	}
	return true
}

// What stands before digests and identifiers, in their line.
var digests = []string{
	"commit", "index", "blob", "tree", "parent", "object", "merge", "head", "ref", "rev", "branch", "checkout", "cherry", "git",
	"sha", "md5", "digest", "checksum", "hash", "integrity", "fingerprint", "etag", "version", "id", "gist", "container",
}

// What stands before keys.
var keyWords = []string{"key", "secret", "token", "pass", "auth", "cred"}

// isDigest says that hexadecimal digits are what they nearly always are. As long
// as the names of git's objects or as SHA-256, they are keys only where the line
// says so.
func isDigest(s string, start, end int) bool {
	line := strings.ToLower(s[max(0, start-64):start])
	line = line[strings.LastIndexByte(line, '\n')+1:]
	said := func(word string) bool { return strings.Contains(line, word) }
	if n := end - start; n == 40 || n == 64 {
		return !slices.ContainsFunc(keyWords, said) || slices.ContainsFunc(digests, said)
	}
	return slices.ContainsFunc(digests, said) || isUUIDHex(s[start:end])
}

// What identifiers begin with that the makers of models and tools give out, and
// data that is no key.
var harmless = []string{
	"call_", "toolu_", "chatcmpl-", "cmpl-", "gen-", "msg_", "resp_", "req_", "run_", "thread_", "asst_", "fc_", "rs_", "srvtoolu_", "fp_",
	"sha1-", "sha256-", "sha384-", "sha512-", // of packages (Subresource Integrity)
	"iVBORw0KGgo", "9j_", "R0lGOD", "UklGR", "PHN2Zy", "d09GR", // images and fonts in base64
}

// isHarmless has what looks random and is known: placeholders, UUIDs,
// identifiers, digests, data, and parts of paths and URLs.
func isHarmless(s string, start, end int) bool {
	v := s[start:end]
	if strings.Contains(v, opening) || isUUID(v) || isULID(v) {
		return true
	}
	for _, h := range harmless {
		if strings.HasPrefix(v, h) {
			return true
		}
	}
	before := s[max(0, start-64):start]
	if i := strings.LastIndexAny(before, " \t\n\"'<>()="); i >= 0 {
		before = before[i+1:]
	}
	return strings.Contains(before, "sha") || strings.HasSuffix(before, "h1:") || strings.Contains(before, "base64,") || strings.ContainsAny(before, "/+")
}

// holdsDigest has names that are made with a digest: of builds, branches, tasks.
func holdsDigest(v string) bool {
	for part := range strings.FieldsFuncSeq(v, func(c rune) bool { return c == '-' || c == '_' }) {
		switch len(part) {
		case 41, 33: // v0f01c…
			part = part[1:]
		}
		if (len(part) == 32 || len(part) == 40 || len(part) == 64) && isHexadecimal(part) {
			return true
		}
	}
	return false
}

// isULID has 26 characters of Crockford's base32, the first of them small.
func isULID(v string) bool {
	if len(v) != 26 || v[0] > '7' {
		return false
	}
	for i := range len(v) {
		if c := v[i]; !isDigit(c) && (c < 'A' || 'Z' < c || strings.IndexByte("ILOU", c) >= 0) {
			return false
		}
	}
	return true
}

// isUUID has the form of RFC 9562, also with something behind it.
func isUUID(v string) bool {
	const form = "00000000-0000-0000-0000-000000000000"
	if len(v) < len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == '-' && v[i] != '-' || form[i] == '0' && !isHex(v[i]) {
			return false
		}
	}
	return true
}

// isUUIDHex is the same without dashes: the version and the variant are where
// they belong.
func isUUIDHex(v string) bool {
	return len(v) == 32 && '1' <= v[12] && v[12] <= '8' && strings.IndexByte("89abAB", v[16]) >= 0
}
