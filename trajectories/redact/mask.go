package redact

import "strings"

// Mask is for what people are told, in errors and on terminals: each secret gives
// way to its name or kind in brackets, and nothing can be restored. Such a text
// may be redacted later like any other.
func (r *Redactor) Mask(s string) string {
	var masks []edit
	for _, e := range r.Again().find("", s) {
		switch {
		case e.Placeholder == "" || e.Kind == Literal:
		case e.Name != "":
			masks = append(masks, edit{e.Start, e.End, "[" + e.Name + "]"})
		default:
			masks = append(masks, edit{e.Start, e.End, "[" + string(e.Kind) + "]"})
		}
	}
	return apply(s, masks)
}

// Head is as much of a secret as may be shown to somebody who looks for it: what
// its maker puts in front of every key, and nothing of what was drawn or chosen.
func Head(k Kind, secret string) string {
	if secret == "" {
		return ""
	}
	for _, f := range forms[secret[0]] {
		if f.kind == k && strings.HasPrefix(secret, f.prefix) {
			return f.prefix + "…"
		}
	}
	return ""
}
