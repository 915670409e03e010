package wire

import (
	"fmt"
	"unicode/utf8"
)

// Check returns an error if the call lacks what its operation needs, or holds
// text that is not UTF-8: as JSON it would silently be another text, another
// file's name for example.
func (c Call) Check() error {
	missing := false
	switch c.Op {
	case OpScript:
		missing = c.Script == nil
	case OpEdit:
		missing = c.Edit == nil
	case OpSearch:
		missing = c.Search == nil
	case OpDial, OpOffer:
		missing = c.Address == nil
	}
	if missing {
		return fmt.Errorf("request %q without its arguments", c.Op)
	}
	for _, s := range c.texts() {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%.100q is not UTF-8, and cannot be sent", s)
		}
	}
	return nil
}

// texts are the texts of a call.
func (c Call) texts() []string {
	all := []string{c.Path}
	if c.Script != nil {
		all = append(all, c.Script.Text)
	}
	if s := c.Search; s != nil {
		all = append(append(all, s.Pattern, s.Glob), s.Skip...)
	}
	if c.Address != nil {
		all = append(all, c.Address.Address)
	}
	return all
}
