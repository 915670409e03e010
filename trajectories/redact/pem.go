package redact

import "strings"

const (
	privateKey = "PRIVATE KEY"
	fence      = "-----"
	begin      = fence + "BEGIN "
	// longestBlock is more than a key of 16,384 bits takes in any layout.
	longestBlock = 32 << 10
)

// privateKeyAround returns the block of a private key whose first line says so at
// at; end is 0 when there is none. The block may have its line feeds escaped,
// stand in a patch or under line numbers, and have lost its end.
func privateKeyAround(s string, at int) (start, end int) {
	start = strings.LastIndex(s[max(0, at-48):at], begin)
	if start < 0 {
		return 0, 0
	}
	start += max(0, at-48)
	body := at + len(privateKey)
	line := s[body:min(len(s), body+len(" BLOCK"+fence))]
	switch {
	case strings.ContainsAny(s[start+len(begin):at], "-\n\\"):
		return 0, 0
	case strings.HasPrefix(line, fence):
		body += len(fence)
	case strings.HasPrefix(line, " BLOCK"+fence): // PGP
		body += len(" BLOCK" + fence)
	default:
		return 0, 0
	}

	rest := s[body:min(len(s), body+longestBlock)]
	last := strings.Index(rest, fence)
	if last >= 0 && strings.HasPrefix(rest[last:], fence+"END ") {
		end = last + len(fence)
		if i := strings.Index(rest[end:min(len(rest), end+64)], fence); i >= 0 {
			end += i + len(fence)
		}
	} else {
		// What an observation was cut off at, or what a model left out.
		if last >= 0 {
			rest = rest[:last]
		}
		end = untilProse(rest)
	}
	if len(material(rest[:end])) < 40 {
		return 0, 0 // somebody writes about keys
	}
	return start, body + end
}

// untilProse is the end of the last line of base64 at the beginning of a text.
func untilProse(s string) int {
	end := 0
	for i := 0; i < len(s); {
		n := base64Run(s[i:])
		switch {
		case n >= 16:
			end = i + n
			i = end
		case i-end > 80: // more than a header, or the number of a line
			return end
		default:
			i += max(n, layout(s[i:]))
		}
	}
	return end
}

// material is what is secret in a block: its long runs of base64, without what a
// layout puts between them.
func material(s string) string {
	if lines := strings.Count(s, "\n"); lines > 0 && lines == strings.Count(s, "\n+") {
		s = strings.ReplaceAll(s, "\n+", "\n") // a patch adds them
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		n := base64Run(s[i:])
		if n >= 16 {
			b.WriteString(s[i : i+n])
		}
		i += max(n, layout(s[i:]))
	}
	return b.String()
}

// layout is how many bytes of what is no base64 a text begins with, at least 1:
// the n of an escaped line feed does not begin the next line.
func layout(s string) int {
	if len(s) > 1 && s[0] == '\\' && strings.IndexByte("nrt", s[1]) >= 0 {
		return 2
	}
	return 1
}

// base64Run is how many bytes of base64 a text begins with.
func base64Run(s string) int {
	n := 0
	for n < len(s) && isBase64(s[n]) {
		n++
	}
	for n > 0 && n < len(s) && s[n] == '=' {
		n++
	}
	return n
}
