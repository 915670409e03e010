package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// A set is the pairs of one row of the table.
type set struct {
	name     string
	points   string
	autojunk bool
	pairs    []pair

	ours   times
	theirs map[string]*times
}

func (s *set) String() string { return s.points + " " + s.name + " " + onOff(s.autojunk) }

// A pair is the model's text and the expert's.
type pair struct {
	a, b string
}

// pairs makes the pairs of one size. A pair is near where the model has changed
// one word of twenty, and far where it has written something else. Letters at random
// are as far as can be.
func pairs(random *rand.Rand, texts []string, points int, autojunk bool) []*set {
	const pairs = 10
	var sets []*set
	for _, name := range []string{"near", "far", "letters at random", "near, real", "far, real"} {
		sets = append(sets, &set{name: name, points: strconv.Itoa(points), autojunk: autojunk})
	}
	for range pairs {
		expert := code(random, points)
		sets[0].pairs = append(sets[0].pairs, pair{edited(random, expert), expert})
		sets[1].pairs = append(sets[1].pairs, pair{code(random, points), expert})
		sets[2].pairs = append(sets[2].pairs, pair{letters(random, points, alphabet), letters(random, points, alphabet)})
	}
	long := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return len(s) < points })
	if len(long) == 0 {
		return sets
	}
	for range pairs {
		a, b := part(random, long, points), part(random, long, points)
		sets[3].pairs = append(sets[3].pairs, pair{edited(random, b), b})
		sets[4].pairs = append(sets[4].pairs, pair{a, b})
	}
	return sets
}

// actions makes pairs of what agents did: near and far, which is the next action.
func actions(random *rand.Rand, done []string, autojunk bool) []*set {
	near := &set{name: "near, real", points: "actions", autojunk: autojunk}
	far := &set{name: "far, real", points: "actions", autojunk: autojunk}
	for i := range len(done) - 1 {
		near.pairs = append(near.pairs, pair{edited(random, done[i]), done[i]})
		far.pairs = append(far.pairs, pair{done[i+1], done[i]})
	}
	return []*set{near, far}
}

// hard are texts that are made to be hard: few letters, and periods.
func hard() []*set {
	const points = 16000
	var sets []*set
	add := func(name, a, b string) {
		sets = append(sets, &set{name: name, points: strconv.Itoa(points), pairs: []pair{{a, b}}})
	}
	repeat := func(s string) string { return strings.Repeat(s, points/len(s)+1)[:points] }
	add("one letter", repeat("a")[1:], repeat("a"))
	add("two letters in turns", "x"+repeat("ab"), repeat("ab")+"y")
	line := "    self.assertEqual(first, second)\n"
	add("one line", "x"+repeat(line), repeat(line)+"y")
	add("a line and one more each time", repeat(line+"x"), repeat(line))
	random := rand.New(rand.NewPCG(1, 2))
	add("two letters at random", letters(random, points, "ab"), letters(random, points, "ab"))
	add("words of one letter", words(random, points, "ab"), words(random, points, "ab"))
	return sets
}

const alphabet = "abcdefghijklmnopqrstuvwxyz"

// letters returns text of letters at random.
func letters(random *rand.Rand, points int, from string) string {
	s := make([]byte, points)
	for i := range s {
		s[i] = from[random.IntN(len(from))]
	}
	return string(s)
}

// words returns rows of a's of random length with another letter between.
func words(random *rand.Rand, points int, letters string) string {
	var b strings.Builder
	for b.Len() < points {
		b.WriteString(strings.Repeat(letters[:1], random.IntN(40)) + letters[1:])
	}
	return b.String()[:points]
}

// part returns a stretch of one of the texts.
func part(random *rand.Rand, texts []string, points int) string {
	s := texts[random.IntN(len(texts))]
	from := random.IntN(len(s) - points + 1)
	return s[from : from+points]
}

// code returns text that looks like source code.
func code(random *rand.Rand, points int) string {
	words := strings.Fields("self return if not else for in range None def value index result self.assertEqual path open name items key " +
		"append join split strip = == + ( ) [ ] : , import os sys re data config error")
	var b strings.Builder
	for b.Len() < points {
		for range 3 + random.IntN(6) {
			b.WriteString(words[random.IntN(len(words))])
			if random.IntN(3) == 0 {
				fmt.Fprintf(&b, "_%x", random.IntN(1<<12))
			}
			b.WriteByte(' ')
		}
		b.WriteString("\n" + strings.Repeat("    ", random.IntN(4)))
	}
	return b.String()[:points]
}

// edited returns a text with one word of twenty in another form.
func edited(random *rand.Rand, s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		if random.IntN(20) == 0 {
			words[i] = strings.ToUpper(w) + "_new"
		}
	}
	return strings.Join(words, " ")
}
