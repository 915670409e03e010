package trajectories

import (
	"bufio"
	"bytes"
	"io"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// Outline reads a log as [Events] does, without what only people, models and
// exports read: what is left is what was done, and how it went. Of the header it
// leaves out the two prompts, the tools' definitions and what the source had; of
// turns reasoning, message and raw bodies; of messages and observations their
// texts; of the end the patch; views show nothing. Event.Omitted says how long an
// observation's text and a patch are. It takes a third of the time.
//
// What is left out is not looked at either, so errors in it are not found. A last
// line without a line break, which may be torn, is read as Events does it.
func Outline(name string, r io.Reader) iter.Seq2[Event, error] {
	d := decoder{lines: bufio.NewReaderSize(r, 1<<16), form: form(), most: maxLine, outline: true}
	return d.all(name)
}

// leftOut says whether an outline leaves a member of an event out.
func leftOut(kind EventType, member string) bool {
	switch member {
	case "origin":
		return true
	case "system", "prompt", "tools", "notes":
		return kind == EventHeader
	case "reasoning", "message", "request", "response":
		return kind == EventTurn
	case "raw":
		return kind == EventObservation
	case "text":
		return kind == EventMessage || kind == EventObservation
	case "patch":
		return kind == EventEnd
	case "add", "shows":
		return kind == EventView
	}
	return false
}

// unmarshal decodes the line into v. In an outline it decodes a copy of the line
// without what is left out; should that fail, then the line itself says why. A
// line without its end may be torn, which only the whole of it tells.
func (d *decoder) unmarshal(kind EventType, v any) error {
	if d.outline && !d.last {
		short, ok := prune(d.short[:0], d.line, func(member string, value []byte) bool {
			switch {
			case !leftOut(kind, member):
				return false
			case member == "patch" || member == "text" && kind == EventObservation:
				var ok bool
				d.omitted, ok = textLength(value)
				return ok
			}
			return true
		})
		if d.short = short; ok && json.Unmarshal(short, v, d.form) == nil {
			return nil
		}
		d.omitted = 0
	}
	return json.Unmarshal(d.line, v, d.form)
}

// prune appends an object to dst without the members that are dropped. It looks
// for where values end and not at what they are: whoever decodes the rest does
// that. It is not ok where white space or escapes in names make it more than
// that; no log of ours has them.
func prune(dst, object []byte, drop func(member string, value []byte) bool) (pruned []byte, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimRight(object, "\r\n"), []byte("{"))
	dst = append(dst, '{')
	for ok {
		at := len(rest)
		if len(rest) == 0 || rest[0] != '"' {
			return dst, false
		}
		name := skipString(rest)
		if name < 2 || name >= at || rest[name] != ':' || bytes.IndexByte(rest[:name], '\\') >= 0 {
			return dst, false
		}
		value := skipValue(rest[name+1:])
		end := name + 1 + value
		if value == 0 || end >= at {
			return dst, false
		}
		if !drop(string(rest[1:name-1]), rest[name+1:end]) {
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = append(dst, rest[:end]...)
		}
		last := rest[end]
		rest = rest[end+1:]
		if last == '}' {
			return append(dst, '}'), len(rest) == 0
		}
		ok = last == ','
	}
	return dst, false
}

// textLength is the number of bytes that a JSON string stands for. It is not ok
// for what is none, and where the bytes are not the string's own, as with what is
// not UTF-8.
func textLength(value []byte) (n int, ok bool) {
	if len(value) < 2 || value[0] != '"' || !utf8.Valid(value) {
		return 0, false
	}
	n = len(value) - 2
	for rest := value[1 : len(value)-1]; ; {
		at := bytes.IndexByte(rest, '\\')
		if at < 0 {
			return n, true
		}
		if rest = rest[at:]; len(rest) < 2 {
			return 0, false
		}
		if rest[1] != 'u' {
			n--
			rest = rest[2:]
			continue
		}
		c, size, ok := escaped(rest)
		if !ok {
			return 0, false
		}
		n += utf8.RuneLen(c) - size
		rest = rest[size:]
	}
}

// escaped reads the character that \u… stands for, which may take two of them.
func escaped(text []byte) (c rune, size int, ok bool) {
	unit := func(text []byte) (rune, bool) {
		if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
		return rune(n), err == nil
	}
	c, ok = unit(text)
	if !ok || !utf16.IsSurrogate(c) {
		return c, 6, ok
	}
	low, _ := unit(text[6:])
	c = utf16.DecodeRune(c, low)
	return c, 12, c != utf8.RuneError
}

// skipString returns where a string ends that text begins with, 0 if it does not.
func skipString(text []byte) int {
	for at := 1; ; {
		next := bytes.IndexByte(text[at:], '"')
		if next < 0 {
			return 0
		}
		at += next
		escapes := 0
		for text[at-1-escapes] == '\\' {
			escapes++
		}
		at++
		if escapes%2 == 0 {
			return at
		}
	}
}

// skipValue returns where the value ends that text begins with, 0 if it does not.
func skipValue(text []byte) int {
	depth := 0
	for at := 0; at < len(text); {
		switch text[at] {
		case '"':
			n := skipString(text[at:])
			if n == 0 {
				return 0
			}
			if at += n; depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return 0
}
