package swesmith

import (
	"regexp"
	"strings"
)

// An answer is the text of an assistant's message, taken apart.
type answer struct {
	thought string
	calls   []call
	// broken says that there is the beginning of a call, and no call.
	broken bool
}

type call struct {
	tool   string
	values []value
}

type value struct{ name, text string }

// parse finds the calls in a text.
func parse(text string, s style) answer {
	if s == ticks {
		return parseTicks(text)
	}
	return parseXML(text)
}

const (
	functionBegins  = "<function="
	functionEnds    = "</function>"
	parameterBegins = "<parameter="
	parameterEnds   = "</parameter>"
)

// parseXML finds the calls in the xml style.
func parseXML(text string) answer {
	var a answer
	p := parser{rest: text, budget: 16*len(text) + 4096}
	first := -1
	for {
		i := strings.Index(p.rest, functionBegins)
		if i < 0 {
			break
		}
		p.rest = p.rest[i:]
		begins := len(text) - len(p.rest)
		whole := p.rest
		c, ok := p.function()
		if !ok {
			a.broken = true
			p.rest = whole[len(functionBegins):]
			continue
		}
		if first < 0 {
			first = begins
		}
		a.calls = append(a.calls, c)
	}
	if first < 0 {
		a.thought = text
		return a
	}
	a.broken = false
	a.thought = strings.TrimSuffix(text[:first], "\n\n")
	return a
}

// A parser reads calls from front to back. Its budget bounds the bytes that it
// looks at in search of the ends of values, since texts can be made so that each
// beginning is searched to the end of the text.
type parser struct {
	rest   string
	budget int
}

// function reads the call at the parser. The closing tag may be missing at the
// end of the text: it is a stop word with some models.
func (p *parser) function() (call, bool) {
	name, ok := p.tag(functionBegins)
	if !ok {
		return call{}, false
	}
	c := call{tool: name}
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\r\n")
		if rest, ok := strings.CutPrefix(p.rest, functionEnds); ok {
			p.rest = rest
			return c, true
		}
		if p.rest == "" && len(c.values) > 0 {
			return c, true
		}
		name, ok := p.tag(parameterBegins)
		if !ok {
			return call{}, false
		}
		text, ok := p.value()
		if !ok {
			return call{}, false
		}
		c.values = append(c.values, value{name, text})
	}
}

// tag reads an opening tag and returns the name in it.
func (p *parser) tag(begins string) (string, bool) {
	rest, ok := strings.CutPrefix(p.rest, begins)
	if !ok {
		return "", false
	}
	const longest = 200
	end := strings.IndexAny(rest[:min(len(rest), longest)], ">\n")
	if end <= 0 || rest[end] != '>' {
		return "", false
	}
	p.rest = rest[end+1:]
	return rest[:end], true
}

// value reads up to the closing tag of a parameter: the first one behind which
// the next parameter, the end of the call or the end of the text stands.
func (p *parser) value() (string, bool) {
	from := 0
	for {
		i := strings.Index(p.rest[from:], parameterEnds)
		if i < 0 {
			p.budget -= len(p.rest) - from
			return "", false
		}
		if p.budget -= i; p.budget < 0 {
			return "", false
		}
		end := from + i
		from = end + len(parameterEnds)
		next := strings.TrimLeft(p.rest[from:], " \t\r\n")
		if next == "" || strings.HasPrefix(next, parameterBegins) || strings.HasPrefix(next, functionEnds) {
			text := p.rest[:end]
			p.rest = p.rest[from:]
			return text, true
		}
	}
}

// fenceLine is a line that opens or closes a block, as SWE-agent's
// ThoughtActionParser has it.
var fenceLine = regexp.MustCompile("(?m)^```(\\S*)[ \\t\\r]*$")

// parseTicks finds the command: the last block between fences that is in no
// other block. The thought is what stands around it.
func parseTicks(text string) answer {
	var open [][]int
	var begins, ends []int
	for _, m := range fenceLine.FindAllStringSubmatchIndex(text, -1) {
		named := m[3] > m[2]
		if len(open) == 0 || named {
			open = append(open, m)
			continue
		}
		last := open[len(open)-1]
		if open = open[:len(open)-1]; len(open) == 0 {
			begins, ends = last, m
		}
	}
	if begins == nil {
		return answer{thought: text, broken: len(open) > 0}
	}
	body := text[min(begins[1]+1, ends[0]):ends[0]]
	thought := strings.TrimSuffix(text[:begins[0]], "\n\n") + text[ends[1]:]
	return answer{thought: thought, calls: []call{{tool: "bash", values: []value{{"command", strings.TrimSuffix(body, "\n")}}}}}
}
