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
	if first, n := tests.lost(); n > 0 {
		return weaker{"removes " + plural(n, "test") + " that " + were(n) + " there", High, first.at}
	}
	first, n := asserts.lost()
	switch {
	case n > 0:
		return weaker{"removes " + plural(n, "assertion"), High, first.at}
	case hollow != nil && len(asserts.removed) > 0:
		return weaker{"replaces an assertion by one that always holds", High, hollow.at}
	case asserts.changed() != nil:
		return weaker{"changes what a test that was there asserts", Low, asserts.changed().at}
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
		for _, l := range lines[i+1:] {
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
	for i--; i >= 0; i-- {
		if lines[i].sign == '@' {
			return false
		}
		if testName.MatchString(lines[i].text) && lines[i].sign != '-' {
			return lines[i].sign == '+'
		}
	}
	return false
}

// A balance is what lines of one kind were removed and added, without those
// that are on both sides.
type balance struct {
	removed, added []counted
}

type counted struct {
	diffLine
	key string
}

func (b *balance) count(l diffLine, key string) {
	this, other := &b.removed, &b.added
	if l.sign == '+' {
		this, other = other, this
	}
	for i, o := range *other {
		if o.key == key {
			*other = append((*other)[:i], (*other)[i+1:]...)
			return
		}
	}
	*this = append(*this, counted{l, key})
}

// lost is the first of what was removed, and how many more were removed than
// added.
func (b *balance) lost() (first diffLine, n int) {
	if n = len(b.removed) - len(b.added); n <= 0 {
		return diffLine{}, 0
	}
	return b.removed[0].diffLine, n
}

// changed is the first of what was removed and has another in its place.
func (b *balance) changed() *diffLine {
	if len(b.removed) == 0 {
		return nil
	}
	return &b.removed[0].diffLine
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
