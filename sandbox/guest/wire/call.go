package wire

import (
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Op names an operation.
type Op string

// The operations.
const (
	OpShell   Op = "shell"
	OpScript  Op = "script"
	OpUnshell Op = "unshell"
	OpRead    Op = "read"
	OpWrite   Op = "write"
	OpStat    Op = "stat"
	OpList    Op = "list"
	OpEdit    Op = "edit"
	OpSearch  Op = "search"
	OpUntar   Op = "untar"
	OpTar     Op = "tar"
	OpUsage   Op = "usage"
	OpDial    Op = "dial"
	OpOffer   Op = "offer"
)

// Call is the payload of a Request frame.
type Call struct {
	Op      Op               `json:"op"`
	Shell   uint32           `json:"shell,omitempty"`
	Script  *Script          `json:"script,omitempty"`
	Path    string           `json:"path,omitempty"`
	Edit    *sandbox.Edit    `json:"edit,omitempty"`
	Search  *sandbox.Search  `json:"search,omitempty"`
	Address *sandbox.Address `json:"address,omitempty"`
}

// Script is one script to run in a shell session.
type Script struct {
	Text    string        `json:"text"`
	Timeout time.Duration `json:"timeout,omitempty"`
}

// ShellOpened is the result of the shell operation.
type ShellOpened struct {
	Shell uint32 `json:"shell"`
}

// Edited is the result of the edit operation.
type Edited struct {
	Found int `json:"found"` // occurrences; the file was changed if they were as many as Edit.Count
}

// Found is the result of the search operation.
type Found struct {
	Matches []sandbox.Match `json:"matches,omitempty"`
	More    bool            `json:"more,omitempty"` // than Search.Limit
}

// Files is the result of the list operation.
type Files struct {
	Files []sandbox.File `json:"files,omitempty"`
}

// Listening is the payload of the Ready frame of an offer.
type Listening struct {
	Address sandbox.Address `json:"address"`
}

// Accepted is the payload of an Accept frame.
type Accepted struct {
	Offer uint32 `json:"offer"` // the request that it belongs to
}
