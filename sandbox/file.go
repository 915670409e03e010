package sandbox

import (
	"io/fs"
	"time"
)

// A File is what is known of one file inside a sandbox.
type File struct {
	Name    string      `json:"name"` // without its folder
	Size    int64       `json:"size"` // bytes
	Mode    fs.FileMode `json:"mode"`
	ModTime time.Time   `json:"mod_time"`
	Target  string      `json:"target,omitempty"` // of a symbolic link that was not followed
}

// An Edit replaces Old, which must occur exactly Count times, with New. The
// file is replaced whole, or not at all.
type Edit struct {
	Old   []byte `json:"old"`
	New   []byte `json:"new"`
	Count int    `json:"count"`
}

// A Search looks for lines that match a regular expression.
type Search struct {
	// Pattern is a regular expression as package regexp reads it.
	Pattern string `json:"pattern"`
	// Glob, where it is set, is what the names of the files must match
	// (path.Match).
	Glob string `json:"glob,omitempty"`
	// Skip are names of folders that are left out, such as ".git".
	Skip []string `json:"skip,omitempty"`
	// Limit bounds the matches; zero means 1000.
	Limit int `json:"limit,omitempty"`
}

// A Match is one line that a Search has found.
type Match struct {
	Path string `json:"path"`
	Line int    `json:"line"` // from 1
	Text string `json:"text"` // its first 1000 bytes, without the line end
}

// An Address is where something listens inside a sandbox.
type Address struct {
	Network string `json:"network"` // "tcp" (the loopback, by IPv4) or "unix"
	// Address is a port number for tcp, where 0 lets the kernel choose when
	// it is listened at, and a path for unix.
	Address string `json:"address"`
}
