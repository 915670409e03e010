package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// A placeholder is opening, body, closing. A body is words of letters and digits
// with single underscores between them, so the first closing after an opening
// ends it, and an opening that a placeholder shares with its neighbours is never
// read for one: what follows it would begin with an underscore.
const (
	opening = "__SECRET_"
	closing = "__"
	// literal stands for an opening that the source wrote.
	literal = opening + "LITERAL" + closing
)

// sealed returns the placeholder of a known secret. Two ways to spell one secret
// have two seals.
func (r *Redactor) sealed(name, way string) string {
	body := name
	if way != "" {
		body += "_" + way
	}
	return opening + body + "_" + r.digest("name", name+" "+way) + closing
}

// hashed returns the placeholder of a secret that has no name. It depends on the
// value alone, so equal ones are known for equal.
func (r *Redactor) hashed(k Kind, value string) string {
	switch k {
	case Literal:
		return literal
	case PrivateKey:
		value = material(value)
	}
	return opening + string(k) + "_" + r.digest("value", value) + closing
}

// digest returns 8 hexadecimal digits.
func (r *Redactor) digest(use, of string) string {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(use + "\x00" + of))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// placeholderAt returns the placeholder that begins where an opening stands, or
// nothing.
func placeholderAt(s string, start int) string {
	body := s[start+len(opening):]
	word := 0 // bytes since the last underscore
	for i := range len(body) {
		switch {
		case isAlnum(body[i]):
			word++
		case body[i] != '_' || word == 0:
			return ""
		case strings.HasPrefix(body[i:], closing):
			return s[start : start+len(opening)+i+len(closing)]
		default:
			word = 0
		}
	}
	return ""
}

// ours says whether a redactor with this key may have written the placeholder,
// one that knows other secrets than this one does, too. One of a secret without a
// name is of no use to anybody who forges it.
func (r *Redactor) ours(placeholder string) bool {
	if _, ok := r.byPlaceholder[placeholder]; ok || placeholder == literal {
		return true
	}
	body := strings.TrimSuffix(strings.TrimPrefix(placeholder, opening), closing)
	cut := strings.LastIndexByte(body, '_')
	if cut < 0 || len(body)-cut != 9 || strings.Trim(body[cut+1:], "0123456789abcdef") != "" {
		return false
	}
	return isHashed(Kind(body[:cut])) || r.isSealed(body[:cut], placeholder)
}

// isSealed says that the placeholder has the seal of a name with a way to spell
// the secret.
func (r *Redactor) isSealed(label, placeholder string) bool {
	return slices.ContainsFunc(ways(), func(w way) bool {
		name := label
		if w.label != "" {
			var spelt bool
			if name, spelt = strings.CutSuffix(label, "_"+w.label); !spelt {
				return false
			}
		}
		return hmac.Equal([]byte(r.sealed(name, w.label)), []byte(placeholder))
	})
}

// isHashed says that secrets of a kind get a hash in place of a name.
func isHashed(k Kind) bool {
	switch k {
	case Anthropic, AWSID, AWSSecret, GitHub, GitLab, Google, HuggingFace, JWT, NPM, OpenAI, PyPI, Slack, Stripe,
		PrivateKey, URLPassword, Authorization, Assignment, Email:
		return true
	}
	return false
}

// Restore puts the known secrets back into a text of this redactor, and what the
// source wrote like a placeholder. Placeholders of other secrets, and of names
// that this redactor does not know, stay.
func (r *Redactor) Restore(s string) string {
	return apply(s, r.restorations(s))
}

// restorations are the placeholders in a text that can be undone.
func (r *Redactor) restorations(s string) []edit {
	var edits []edit
	for at := 0; ; {
		i := strings.Index(s[at:], opening)
		if i < 0 {
			return edits
		}
		at += i
		p := placeholderAt(s, at)
		if p == "" {
			at++
			continue
		}
		if p == literal {
			edits = append(edits, edit{at, at + len(p), opening})
		} else if text, ok := r.byPlaceholder[p]; ok {
			edits = append(edits, edit{at, at + len(p), text})
		}
		at += len(p) // what begins in its closing is not one
	}
}

// An edit replaces a part of a text.
type edit struct {
	start, end int
	with       string
}

// apply makes edits that are in order and do not overlap.
func apply(s string, edits []edit) string {
	if len(edits) == 0 {
		return s
	}
	var b strings.Builder
	done := 0
	for _, e := range edits {
		b.WriteString(s[done:e.start])
		b.WriteString(e.with)
		done = e.end
	}
	b.WriteString(s[done:])
	return b.String()
}
