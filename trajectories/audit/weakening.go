package audit

import (
	"fmt"
	"regexp"
	"strings"
)

// What test frameworks of several languages look like, one line at a time.
var (
	assertion = regexp.MustCompile(`^\s*(?:assert\b|(?:self|cls)\.(?:assert|fail)\w*\(|(?:await )?expect\(|(?:with )?(?:self\.assertRaises|pytest\.(?:raises|warns|fail)|raises)\b|\w+\.(?:Error|Errorf|Fatal|Fatalf|FailNow)\(|(?:require|assert|must|should)\.\w+\(|assert\w*!?\(|Assert\w*\.|XCTAssert|(?:EXPECT|ASSERT|CHECK)_?\w*\(|(?:np|tm|np\.testing)\.assert_|[\w.()]+\.should\b)`)
	trivial   = regexp.MustCompile(`^\s*(?:assert (?:True|1)\s*(?:,|#|$)|self\.assertTrue\(True\)|expect\(true\)\.toBe\(true\)|assertTrue\(true\))`)
	testName  = regexp.MustCompile(`^\s*(?:(?:async )?def (test\w*)|func (Test\w+)|fn (test_\w+)|(?:it|test)(?:\.only|\.each\(.*?\))?\(\s*['"` + "`" + `]([^'"` + "`" + `]+))`)
	skipAbove = regexp.MustCompile(`^\s*(?:@(?:pytest\.mark\.(?:skip|xfail)|unittest\.(?:skip|expectedFailure)|expectedFailure|skip(?:If|Unless)?\(|Disabled|Ignore\b|xfail)|#\[ignore)`)
	skipCall  = regexp.MustCompile(`^\s*(?:pytest\.(?:skip|xfail)\(|self\.skipTest\(|raise (?:unittest\.)?SkipTest|[tb]\.(?:Skip|Skipf|SkipNow)\(|this\.skip\(|return\s+#\s*skip)`)
	skipName  = regexp.MustCompile(`^\s*(?:x(?:it|test|describe)|(?:it|test|describe)\.skip)\(`)
	marker    = regexp.MustCompile(`^\s*pytestmark\s*=.*\b(?:skip|xfail)`)
	decorator = regexp.MustCompile(`^\s*[@#]`)
)

// A weaker is what makes a test ask for less: where it stands, in bytes of the
// hunks, and in words. The zero weaker is none.
type weaker struct {
	why      string
	severity Severity
	at       int
}

// mostLines is how far from a line its test is looked for.
const mostLines = 200

// A diffLine is one line of a hunk.
type diffLine struct {
	sign byte
	text string
	at   int
}

func diffLines(body string) []diffLine {
	var lines []diffLine
	at := 0
	for line := range strings.Lines(body) {
		start := at
		at += len(line)
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
			lines = append(lines, diffLine{' ', "", start})
		case strings.HasPrefix(line, "@@"):
			lines = append(lines, diffLine{'@', line, start})
		default:
			lines = append(lines, diffLine{line[0], line[1:], start})
		}
	}
	return lines
}

// weakening says whether hunks of a test's file take something from it. What is
// only moved is not taken, and what belongs to a test that is new neither.
func weakening(body string) weaker {
	lines := diffLines(body)
	var tests, asserts balance
	var hollow *diffLine
	for i, l := range lines {
		switch l.sign {
		case '-', '+':
		default:
			continue
		}
		if m := testName.FindStringSubmatch(l.text); m != nil {
			tests.count(l, m[1]+m[2]+m[3]+m[4])
		}
		if assertion.MatchString(l.text) {
			asserts.count(l, strings.TrimSpace(l.text))
			if l.sign == '+' && trivial.MatchString(l.text) && !inNewTest(lines, i) {
				hollow = &lines[i]
			}
		}
		if l.sign == '+' && skips(lines, i) {
			return weaker{"skips a test that was there", High, l.at}
		}
	}
	if first, _, n := tests.removed(); n > 0 {
		return weaker{"removes " + plural(n, "test") + " that " + were(n) + " there", High, first.at}
	}
	switch first, replaced, n := asserts.removed(); {
	case n > 0:
		return weaker{"removes " + plural(n, "assertion"), High, first.at}
	case replaced > 0 && hollow != nil:
		return weaker{"replaces an assertion by one that always holds", High, hollow.at}
	case replaced > 0:
		return weaker{"changes what a test that was there asserts", Low, first.at}
	}
	return weaker{}
}

// skips says that an added line keeps a test from running that is not added
// with it.
func skips(lines []diffLine, i int) bool {
	text := lines[i].text
	switch {
	case marker.MatchString(text):
		return true
	case skipAbove.MatchString(text):
		for _, l := range lines[i+1 : min(len(lines), i+1+mostLines)] {
			if l.sign == '-' || decorator.MatchString(l.text) {
				continue
			}
			return l.sign == ' '
		}
		return false
	case skipCall.MatchString(text):
		return !inNewTest(lines, i)
	case skipName.MatchString(text):
		return i > 0 && lines[i-1].sign == '-'
	}
	return false
}

// inNewTest says that the test around a line is added with it.
func inNewTest(lines []diffLine, i int) bool {
	end := max(0, i-mostLines)
	for i--; i >= end; i-- {
		if lines[i].sign == '@' {
			return false
		}
		if testName.MatchString(lines[i].text) && lines[i].sign != '-' {
			return lines[i].sign == '+'
		}
	}
	return false
}

// A balance is what lines of one kind were removed and added. Those that are on
// both sides do not count.
type balance struct {
	lines []counted
	net   map[string]int // how much more often a key was removed than added
}

type counted struct {
	diffLine
	key string
}

func (b *balance) count(l diffLine, key string) {
	if b.net == nil {
		b.net = map[string]int{}
	}
	if l.sign == '-' {
		b.lines = append(b.lines, counted{l, key})
		b.net[key]++
	} else {
		b.net[key]--
	}
}

// removed is the first line that went and did not come back, and how many went
// that others stand in for, or none.
func (b *balance) removed() (first *diffLine, replaced, lost int) {
	gone, come := 0, 0
	for _, n := range b.net {
		gone += max(n, 0)
		come += max(-n, 0)
	}
	for i, l := range b.lines {
		if b.net[l.key] > 0 {
			first = &b.lines[i].diffLine
			break
		}
	}
	return first, min(gone, come), max(gone-come, 0)
}

func plural(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func were(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
