package behaviour

import "strings"

// options are the arguments of a program by the habits of getopt.
type options struct {
	flags    map[string]string // name without dashes → value, "" if it has none
	operands []string
	at       []int // where the operands stand in the arguments
}

// parseOptions takes arguments apart. The names of options that take a value
// stand in valued with blanks between them; one with = takes only a value that
// is attached to it, as sed's -i does.
func parseOptions(args []string, valued string) options {
	o := options{flags: map[string]string{}}
	takes := func(name string) bool { return strings.Contains(" "+valued+" ", " "+name+" ") }
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			for j := i + 1; j < len(args); j++ {
				o.operand(args[j], j)
			}
			return o
		case len(a) < 2 || a[0] != '-':
			o.operand(a, i)
		case strings.HasPrefix(a, "--") || takes(a[1:]) && len(a) > 2:
			name, value, attached := strings.Cut(strings.TrimLeft(a, "-"), "=")
			if !attached && takes(name) && i+1 < len(args) {
				i++
				value = args[i]
			}
			o.flags[name] = value
		default:
			// Letters, of which one that takes a value takes what is left.
			for j := 1; j < len(a); j++ {
				name := a[j : j+1]
				if o.flags[name] = ""; takes(name + "=") {
					o.flags[name] = a[j+1:]
					break
				}
				if !takes(name) {
					continue
				}
				if o.flags[name] = strings.TrimPrefix(a[j+1:], "="); j+1 == len(a) && i+1 < len(args) {
					i++
					o.flags[name] = args[i]
				}
				break
			}
		}
	}
	return o
}

func (o *options) operand(text string, at int) {
	o.operands = append(o.operands, text)
	o.at = append(o.at, at)
}

// has says that one of the flags is there.
func (o options) has(names ...string) bool {
	for _, name := range names {
		if _, ok := o.flags[name]; ok {
			return true
		}
	}
	return false
}

// first is the first operand, often the name of a subcommand.
func (o options) first() string {
	if len(o.operands) == 0 {
		return ""
	}
	return o.operands[0]
}

// after are the operands from the n-th on.
func (o options) after(n int) []string {
	return o.operands[min(n, len(o.operands)):]
}

// last is the last operand, for programs whose target stands there.
func (o options) last() []string {
	return o.operands[max(0, len(o.operands)-1):]
}

// beforeLast are the operands but the last.
func (o options) beforeLast() []string {
	return o.operands[:max(0, len(o.operands)-1)]
}
