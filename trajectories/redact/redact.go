// Package redact takes secrets out of texts before they reach a disk, and puts
// those that have a name back when a recording is acted again.
//
// # What is found
//
// Known secrets, which the caller names with their values, wherever they
// stand: as they are, escaped as in JSON, or in percent-encoding. Keys that
// their makers gave a recognisable form (the [Kind]s say whose). Private keys
// in PEM, also with escaped line feeds, in a patch, or cut off. Passwords in
// URLs, credentials in Authorization headers, and values that are assigned to
// a name such as password or api_key and look like what the name says. E-mail
// addresses, if they are asked for. What only looks random is flagged with
// [Entropy] and left as it is: most of it is digests and identifiers.
//
// # What stands there afterwards
//
//	__SECRET_OPENAI_API_KEY_1f0c6a52__   a known secret: its name, and a seal
//	__SECRET_github_9be01b77__           another one: its kind, and a keyed hash
//
// Both are one word in ASCII letters, digits and underscores: JSON, XML, shells,
// URLs and regular expressions leave it alone. Equal secrets have equal
// placeholders under one key; whoever lacks the key cannot find the secret by
// hashing guesses. The seal depends on the key and on the name, not on the
// value, so a recording can be acted again after the secret was changed. What is
// kept in one folder has one key, which lies there: see [FolderKey]. Package
// events goes over trajectories.
//
// # Why nobody can have a secret inserted
//
// An issue, a repository or a model could write a placeholder itself, even one
// copied from a published log, and wait for [Redactor.Restore] to put the secret
// into a command. So Text replaces what a placeholder begins with, too:
//
//	__SECRET_FOO  becomes  __SECRET_LITERAL__FOO
//
// After that, every placeholder in the text was put there by Text, and Restore
// gives back exactly the text that came in. The price is that Text is for texts
// of which nobody has said that they are redacted already: over its own output
// it would quote the placeholders. For such texts there is [Redactor.Again],
// which takes the placeholders that bear its seal as they are and changes
// nothing twice. To confuse the two fails safely: a command then holds a
// placeholder in place of a secret.
//
// A text that was not written by Text under the same key has no seals that fit,
// so Restore inserts nothing there, unless its writer has seen a log of this
// key. Hand Restore only what was read from one's own store, and JSON only to
// [Redactor.RestoreJSON]: the source may have written a placeholder with escapes,
// which is none before they are read and one after.
//
// # What it does not do
//
// A patch is never altered, since an altered one no longer applies:
// [Redactor.Patch] only tells what has to be confirmed before it is exported, and
// [Redactor.Sparing] passes over the texts that are the patch once more. A
// known secret of several lines is found as a whole and not line by line (a
// private key is, in any layout). Secrets that are compressed, encrypted, in
// base64 or cut into pieces are not found. None of this makes a text safe to
// publish that somebody meant to smuggle a secret out with.
package redact

import (
	"slices"
	"strings"
)

// A Kind says what was found. The strings are part of placeholders and of
// counts that are kept, so they do not change.
type Kind string

// The kinds. All but the last three are secrets.
const (
	Known         Kind = "known"        // a value that the caller named
	Anthropic     Kind = "anthropic"    // sk-ant-…
	AWSID         Kind = "aws_id"       // AKIA…, ASIA… and their like
	AWSSecret     Kind = "aws_secret"   // the 40 characters beside such an id
	GitHub        Kind = "github"       // ghp_…, gho_…, ghu_…, ghs_…, ghr_…, github_pat_…
	GitLab        Kind = "gitlab"       // glpat-… and the other gl…-
	Google        Kind = "google"       // AIza…, GOCSPX-…, ya29.…
	HuggingFace   Kind = "huggingface"  // hf_…, api_org_…
	JWT           Kind = "jwt"          // eyJ….eyJ….…, with a header that says so
	NPM           Kind = "npm"          // npm_…
	OpenAI        Kind = "openai"       // sk-…, also of the many who took this form over
	PyPI          Kind = "pypi"         // pypi-…
	Slack         Kind = "slack"        // xoxb-… and its like, xapp-…, hooks.slack.com/services/…
	Stripe        Kind = "stripe"       // sk_live_…, rk_live_…, whsec_…
	PrivateKey    Kind = "private_key"  // PEM and PGP blocks
	URLPassword   Kind = "url_password" // scheme://user:password@host
	Authorization Kind = "authorization"
	Assignment    Kind = "assignment" // password=…, "api_key": "…"

	Email   Kind = "email"   // if asked for
	Entropy Kind = "entropy" // looks random; only flagged
	Literal Kind = "literal" // the source itself wrote what begins a placeholder
)

// A Hit is one place in a text. It does not hold the secret.
type Hit struct {
	Kind Kind
	// Name is that of a known secret.
	Name string
	// Start and End are the place, in bytes of the text that was given.
	Start, End int
	// Placeholder is what stands for it; empty for a hit that changes nothing.
	Placeholder string
}

// A Redactor finds and replaces secrets. It never changes, and may be used by
// many goroutines.
type Redactor struct {
	key    []byte
	emails bool
	// again says that placeholders under our seal are ours and not the source's.
	again bool
	// known are the spellings of the known secrets, byPlaceholder what each of
	// their placeholders stands for.
	known         []spelling
	byPlaceholder map[string]string
	literals      *literals
	allow         func(string) bool
	spared        []string
}

// Text returns the text with its secrets replaced, and the hits in their order.
// A text without any comes back itself, without an allocation.
func (r *Redactor) Text(s string) (string, []Hit) {
	hits := r.find("", s)
	return apply(s, edits(hits)), hits
}

// Again returns a redactor for texts that r has been over before, such as those
// of one's own store. It leaves r's placeholders as they are, so it changes
// nothing that it or r has done, and finds what has become known since.
func (r *Redactor) Again() *Redactor {
	again := *r
	again.again = true
	return &again
}

// Sparing returns a redactor that leaves these texts as they are, where one of
// them is the whole of a text or of a string in JSON, give or take the white
// space around it. The hits in them have no placeholder.
func (r *Redactor) Sparing(texts ...string) *Redactor {
	sparing := *r
	sparing.spared = nil
	for _, s := range texts {
		if s = strings.TrimSpace(s); s != "" {
			sparing.spared = append(sparing.spared, s)
		}
	}
	return &sparing
}

// Check finds secrets and changes nothing. Placeholders are not secrets; what is
// only flagged is among the hits.
func (r *Redactor) Check(s string) []Hit {
	return slices.DeleteFunc(r.Again().find("", s), func(h Hit) bool { return h.Kind == Literal })
}

// Patch returns the hits that block the export of a patch until somebody has
// confirmed it. A patch is not altered, so it is not restored either.
func (r *Redactor) Patch(s string) []Hit {
	return slices.DeleteFunc(r.Check(s), func(h Hit) bool { return h.Kind == Entropy })
}

// mostRounds is how often a text is looked at again. Each round costs as much as
// the first, and only a text made for it needs more than two.
const mostRounds = 16

// find returns what is in a text, in order, without overlaps. The key is the
// name under which JSON has the text, or empty.
//
// A key that was glued to another secret has an end once that is replaced. So the
// text is looked at again as it will be, until there is nothing new; another
// redactor would find it there.
func (r *Redactor) find(key, s string) []Hit {
	hits := r.look(key, s)
	if len(hits) > 0 && slices.Contains(r.spared, strings.TrimSpace(s)) {
		for i := range hits {
			hits[i].Placeholder = ""
		}
		return slices.DeleteFunc(hits, func(h Hit) bool { return h.Kind == Literal })
	}
	for range mostRounds {
		made := edits(hits)
		if len(made) == 0 {
			break
		}
		more := slices.DeleteFunc(r.Again().look(key, apply(s, made)), isFlag)
		if len(more) == 0 {
			break
		}
		flags := slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool { return !isFlag(h) })
		hits = join(slices.DeleteFunc(hits, isFlag), before(made, more))
		hits = join(hits, flags)
	}
	return hits
}

func isFlag(h Hit) bool { return h.Placeholder == "" }

// before moves hits in a text to where they were before its edits, none of which
// they overlap.
func before(made []edit, hits []Hit) []Hit {
	grown := 0
	for i := range hits {
		for len(made) > 0 && made[0].start+grown < hits[i].Start {
			grown += len(made[0].with) - (made[0].end - made[0].start)
			made = made[1:]
		}
		hits[i].Start -= grown
		hits[i].End -= grown
	}
	return hits
}

// look is one round of find.
func (r *Redactor) look(key, s string) []Hit {
	placeholders, known, blocks, quotes := r.findLiterals(s)
	keys, random := findRuns(s)
	keys = inOrder(append(keys, blocks...))
	contexts := findContexts(key, s)
	var addresses []Hit
	if r.emails {
		addresses = findEmails(s)
	}

	// The earlier wins where two overlap: what is known for certain, then what
	// says itself what it is, then what its surroundings say.
	var hits []Hit
	for _, level := range [...][]Hit{placeholders, known, keys, contexts, addresses, quotes, random} {
		hits = join(hits, level)
	}
	if len(placeholders) > 0 {
		hits = slices.DeleteFunc(hits, func(h Hit) bool { return h.Kind == "" })
	}
	if r.allow != nil {
		hits = slices.DeleteFunc(hits, func(h Hit) bool {
			return h.Kind != Known && h.Kind != Literal && r.allow(s[h.Start:h.End])
		})
	}
	for i, h := range hits {
		if isFlag(h) && h.Kind != Entropy {
			hits[i].Placeholder = r.hashed(h.Kind, s[h.Start:h.End])
		}
	}
	return hits
}

// join adds to hits those of a lower level that overlap none. Both are in order.
func join(hits, lower []Hit) []Hit {
	if len(lower) == 0 {
		return hits
	}
	all := make([]Hit, 0, len(hits)+len(lower))
	end := 0
	for _, h := range lower {
		for len(hits) > 0 && hits[0].Start < h.Start {
			end = hits[0].End
			all, hits = append(all, hits[0]), hits[1:]
		}
		if h.Start >= end && (len(hits) == 0 || h.End <= hits[0].Start) {
			end = h.End
			all = append(all, h)
		}
	}
	return append(all, hits...)
}

// inOrder sorts hits that several passes have found.
func inOrder(hits []Hit) []Hit {
	slices.SortFunc(hits, func(a, b Hit) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	return hits
}

// edits are what the hits change.
func edits(hits []Hit) []edit {
	var all []edit
	for _, h := range hits {
		if h.Placeholder != "" {
			all = append(all, edit{h.Start, h.End, h.Placeholder})
		}
	}
	return all
}
