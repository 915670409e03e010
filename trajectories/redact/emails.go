package redact

import "strings"

// findEmails returns e-mail addresses of the form that everybody has (RFC 5321
// knows more). Addresses at the domains that RFC 2606 keeps for examples are
// nobody's, and git@host is where repositories are fetched from.
func findEmails(s string) []Hit {
	var hits []Hit
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '@')
		if i < 0 {
			return hits
		}
		at += i
		start, end := at, at+1
		for start > 0 && at-start < 64 && (isAlnum(s[start-1]) || strings.IndexByte("._%+-", s[start-1]) >= 0) {
			start--
		}
		for end < len(s) && end-at < 254 && (isAlnum(s[end]) || s[end] == '.' || s[end] == '-') {
			end++
		}
		end = at + 1 + len(strings.TrimRight(s[at+1:end], ".-"))
		start = at - len(strings.TrimLeft(s[start:at], ".-"))
		if isAddress(s[start:at], s[at+1:end]) && !inAuthority(s, start) {
			hits = append(hits, Hit{Kind: Email, Start: start, End: end})
		}
	}
}

func isAddress(local, domain string) bool {
	dot := strings.LastIndexByte(domain, '.')
	if local == "" || local == "git" || dot < 1 || len(domain)-dot < 3 || strings.Contains(domain, "..") {
		return false
	}
	for _, c := range []byte(domain[dot+1:]) {
		if !isLetter(c) {
			return false
		}
	}
	name := strings.ToLower(domain[:dot])
	name = name[strings.LastIndexByte(name, '.')+1:]
	switch strings.ToLower(domain[dot+1:]) {
	case "example", "test", "invalid", "localhost", "local":
		return false
	}
	return name != "example" && !strings.Contains(local, opening)
}

// inAuthority says that a place is in front of the host of a URL.
func inAuthority(s string, at int) bool {
	before := s[max(0, at-256):at]
	i := strings.LastIndex(before, "://")
	return i >= 0 && !strings.ContainsAny(before[i+3:], "/?# \t\r\n\"'<>")
}
