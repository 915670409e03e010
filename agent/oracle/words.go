package oracle

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]{3,}`)

// plain are words that lead nowhere.
var plain = strings.Fields(`about after also because been before code could does expected error errors following from
function have here into issue like line make more none only other result return returns self should some string
that their then there these this true false type using value very want were what when where which will with would
work works your package import main test tests class const else func null version example`)

// searchWords picks up to two words of the issue that also occur in the code
// to be changed: identifiers before plain words, and in the order of the
// issue. Where no word leads there, it is the name of the first changed place.
func searchWords(issue string, changes []change) []string {
	code := map[string]bool{}
	var places []string
	for _, c := range changes {
		for _, h := range c.hunks {
			for _, l := range h.old.lines {
				for _, word := range identifier.FindAllString(l, -1) {
					code[word] = true
				}
			}
			places = append(places, identifier.FindAllString(h.section, -1)...)
		}
	}
	for _, word := range places {
		code[word] = true
	}
	var strong, weak []string
	for _, word := range identifier.FindAllString(issue, -1) {
		switch {
		case !code[word] || slices.Contains(plain, strings.ToLower(word)) || slices.Contains(strong, word) || slices.Contains(weak, word):
		case strings.Contains(word, "_") || strings.ContainsFunc(word[1:], unicode.IsUpper):
			strong = append(strong, word)
		default:
			weak = append(weak, word)
		}
	}
	words := append(strong, weak...)
	if len(words) == 0 {
		words = slices.DeleteFunc(places, func(w string) bool { return slices.Contains(plain, strings.ToLower(w)) })
	}
	if len(words) == 0 {
		words = identifier.FindAllString(issue, 1)
	}
	return words[:min(2, len(words))]
}
