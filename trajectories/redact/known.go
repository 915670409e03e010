package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options are what a redactor needs beside the known secrets.
type Options struct {
	// Key makes hashes and seals. It has at least 16 bytes, stays the same for
	// all that is kept together, and is itself a secret.
	Key []byte
	// Emails has e-mail addresses replaced, too.
	Emails bool
	// Allow, where set, says of what was found that it may stay: an example, a
	// digest. It is not asked about known secrets. It is called by all who use
	// the redactor. See [ReadAllowed].
	Allow func(found string) bool
}

// leastKey is the fewest bytes that a key may have.
const leastKey = 16

// minKnown is the fewest bytes that a known secret may have. A shorter one
// stands in texts for other reasons.
const minKnown = 8

// A RefusedError says why a known secret cannot be redacted. It does not hold
// the value.
type RefusedError struct {
	Name   string
	Reason string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("secret %q: %s", e.Name, e.Reason)
}

// New returns a redactor that knows the named secrets. Those that cannot be
// redacted are errors, one *RefusedError for each: what the caller wants hidden
// is not left open in silence.
func New(known map[string]string, o Options) (*Redactor, error) {
	if len(o.Key) < leastKey {
		return nil, fmt.Errorf("the key for hashes has %d bytes, and needs %d", len(o.Key), leastKey)
	}
	r := &Redactor{key: slices.Clone(o.Key), emails: o.Emails, allow: o.Allow, byPlaceholder: map[string]string{}}
	var refused []error
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if err := Acceptable(name, known[name]); err != nil {
			refused = append(refused, err)
			continue
		}
		for _, s := range r.spellings(name, known[name]) {
			r.byPlaceholder[s.placeholder] = s.text
			r.known = append(r.known, s)
		}
	}
	if len(refused) > 0 {
		return nil, errors.Join(refused...)
	}
	words := []string{opening, privateKey}
	for _, s := range r.known {
		words = append(words, s.text)
	}
	r.literals = newLiterals(words)
	return r, nil
}

// nameForm is what environment variables are called, without the underscores that
// would make two ways to read a placeholder.
var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$`)

// Acceptable says why a known secret cannot be redacted, as a *RefusedError; nil
// if it can.
func Acceptable(name, value string) error {
	if reason := refusal(name, value); reason != "" {
		return &RefusedError{name, reason}
	}
	return nil
}

func refusal(name, value string) string {
	switch {
	case !nameForm.MatchString(name):
		return "the name is not letters, digits and single underscores between them"
	case len(value) < minKnown:
		return fmt.Sprintf("the value has %d bytes; less than %d stand in texts for other reasons", len(value), minKnown)
	case strings.Trim(value, "0123456789+-.eE") == "":
		return "the value is a number, which stands in texts for other reasons"
	case strings.TrimSpace(value) == "":
		return "the value is blank"
	case strings.Contains(value, opening):
		return "the value is itself a placeholder; the secret was redacted where it was taken from"
	}
	return ""
}

// A spelling is one way in which a known secret is written.
type spelling struct {
	name        string
	text        string
	placeholder string
	plain       bool // the value as it is
}

// A way is how a value is written.
type way struct {
	label string
	write func(value string) string
}

func ways() []way {
	return []way{
		{"", func(v string) string { return v }},
		{"json", func(v string) string { return escapeJSON(v, false, false) }},
		{"json_html", func(v string) string { return escapeJSON(v, true, false) }},  // as Go writes it
		{"json_ascii", func(v string) string { return escapeJSON(v, false, true) }}, // as Python writes it
		{"url", url.QueryEscape},
		{"path", url.PathEscape},
	}
}

// spellings returns the value as it is and as others write it. Each has a
// placeholder of its own, so that it is restored as it was.
func (r *Redactor) spellings(name, value string) []spelling {
	var all []spelling
	for _, w := range ways() {
		text := w.write(value)
		if !slices.ContainsFunc(all, func(s spelling) bool { return s.text == text }) {
			all = append(all, spelling{name: name, text: text, placeholder: r.sealed(name, w.label), plain: w.label == ""})
		}
	}
	return all
}

// escapeJSON writes a text as the inside of a JSON string.
func escapeJSON(s string, html, ascii bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if err := e.Encode(s); err != nil || !utf8.ValidString(s) {
		return s // JSON cannot hold it, so it is not there
	}
	text := strings.TrimSuffix(b.String(), "\n")
	text = text[1 : len(text)-1]
	if !ascii {
		return text
	}
	b.Reset()
	for _, c := range text {
		switch {
		case c < utf8.RuneSelf:
			b.WriteRune(c)
		case c > 0xffff:
			c -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}
