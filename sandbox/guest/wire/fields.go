package wire

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// An ExecCall is the payload of an Exec frame.
type ExecCall struct {
	Command sandbox.Command
	Stdin   bool // data are coming for the command
	Stream  bool // the output is wanted as it comes
}

// Append appends the payload to b.
func (c ExecCall) Append(b []byte) []byte {
	k := c.Command
	b = appendFlag(b, c.Stdin)
	b = appendFlag(b, c.Stream)
	b = appendCount(b, len(k.Argv))
	for _, arg := range k.Argv {
		b = appendText(b, arg)
	}
	b = appendText(b, k.Script)
	b = appendText(b, k.User)
	b = appendText(b, k.Dir)
	b = appendCount(b, len(k.Env))
	for name, value := range k.Env {
		b = appendText(appendText(b, name), value)
	}
	b = binary.AppendVarint(b, int64(k.Timeout))
	b = binary.AppendVarint(b, int64(k.OutputCap))
	b = appendFlag(b, k.Terminal != nil)
	if t := k.Terminal; t != nil {
		b = appendCount(b, int(t.Rows))
		b = appendCount(b, int(t.Columns))
		b = appendText(b, t.Type)
	}
	return b
}

// ParseExecCall is the inverse of Append.
func ParseExecCall(b []byte) (ExecCall, error) {
	f := fields{rest: b}
	c := ExecCall{Stdin: f.flag(), Stream: f.flag()}
	k := &c.Command
	if n := f.count(); n > 0 {
		k.Argv = make([]string, n)
		for i := range k.Argv {
			k.Argv[i] = f.text()
		}
	}
	k.Script, k.User, k.Dir = f.text(), f.text(), f.text()
	for range f.count() {
		if k.Env == nil {
			k.Env = make(map[string]string)
		}
		name := f.text()
		k.Env[name] = f.text()
	}
	k.Timeout, k.OutputCap = time.Duration(f.number()), int(f.number())
	if f.flag() {
		k.Terminal = &sandbox.Terminal{Size: sandbox.Size{Rows: uint16(f.unsigned()), Columns: uint16(f.unsigned())}}
		k.Terminal.Type = f.text()
	}
	return c, f.err
}

// AppendResult appends the payload of an Ended frame to b: a command's end
// without its output.
func AppendResult(b []byte, r sandbox.Result) []byte {
	b = appendText(b, string(r.End))
	b = binary.AppendVarint(b, int64(r.ExitCode))
	b = appendText(b, r.Signal)
	b = appendText(b, r.Reason)
	b = binary.AppendVarint(b, r.Dropped)
	b = binary.AppendVarint(b, int64(r.Duration))
	b = binary.AppendVarint(b, int64(r.CPU))
	return binary.AppendVarint(b, r.MemoryPeak)
}

// ParseResult is the inverse of AppendResult.
func ParseResult(b []byte) (sandbox.Result, error) {
	f := fields{rest: b}
	var r sandbox.Result
	r.End, r.ExitCode = sandbox.End(f.text()), int(f.number())
	r.Signal, r.Reason = f.text(), f.text()
	r.Dropped, r.Duration = f.number(), time.Duration(f.number())
	r.CPU, r.MemoryPeak = time.Duration(f.number()), f.number()
	return r, f.err
}

func appendCount(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

func appendText(b []byte, s string) []byte { return append(appendCount(b, len(s)), s...) }

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

// fields reads one field after another. After an error it reads zeros.
type fields struct {
	rest []byte
	err  error
}

var errCut = errors.New("the fields of a frame are cut off")

func (f *fields) cut() {
	f.rest, f.err = nil, errCut
}

func (f *fields) unsigned() uint64 {
	n, size := binary.Uvarint(f.rest)
	if size <= 0 {
		f.cut()
		return 0
	}
	f.rest = f.rest[size:]
	return n
}

// count reads how many things follow, each of which takes at least one byte.
func (f *fields) count() int {
	n := f.unsigned()
	if n > uint64(len(f.rest)) {
		f.cut()
		return 0
	}
	return int(n)
}

func (f *fields) text() string {
	n := f.count()
	s := string(f.rest[:n])
	f.rest = f.rest[n:]
	return s
}

func (f *fields) flag() bool { return f.unsigned() == 1 }

func (f *fields) number() int64 {
	n, size := binary.Varint(f.rest)
	if size <= 0 {
		f.cut()
		return 0
	}
	f.rest = f.rest[size:]
	return n
}
