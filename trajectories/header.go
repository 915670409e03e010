package trajectories

import (
	"encoding/json"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// Version is the version of the event log's form. Events and members that were
// added since are skipped by programs that do not know them, so they are no
// new version.
const Version = 1

// A Header opens a trajectory.
type Header struct {
	Version int       `json:"version"`
	ID      string    `json:"id"` // "<task id>.<attempt>", unique in its run
	Run     string    `json:"run"`
	Attempt int       `json:"attempt"` // from 1
	Started time.Time `json:"started,omitzero"`
	Task    Task      `json:"task"`
	Policy  Policy    `json:"policy"`
	Tools   []Tool    `json:"tools"`
	// System and Prompt are the first two messages that the policy was given.
	System string `json:"system"`
	Prompt string `json:"prompt"`
	// Sandbox says where the episode ran and which limits were in force.
	Sandbox Sandbox `json:"sandbox"`

	// Source is the file that the trajectory was imported from, nil for an
	// episode of our own.
	Source *Source `json:"source,omitempty"`
	// Parent is the trajectory that this one is a part of, nil for most.
	Parent *Parent `json:"parent,omitempty"`
	// Session is the id that the source gave to the conversation, which several
	// trajectories may share.
	Session string `json:"session,omitempty"`
	// Notes are the source's own remarks, for people.
	Notes  string  `json:"notes,omitempty"`
	Origin *Origin `json:"origin,omitempty"`
}

// Task is what a trajectory keeps of its task: nothing that a policy may not
// see, so neither the gold patch nor the hidden tests.
type Task struct {
	ID               string `json:"id"`
	Repo             string `json:"repo"`
	BaseCommit       string `json:"base_commit"`
	ProblemStatement string `json:"problem_statement"`
	Image            string `json:"image,omitempty"`
}

// Policy names who acted.
type Policy struct {
	Name  string `json:"name"` // "oracle", "llm", "replay", or another program's name
	Model string `json:"model,omitempty"`
	// Version is the version of the program, for policies of other programs.
	Version string `json:"version,omitempty"`
	// SyntheticReasoning says that the reasoning texts were not thought by
	// anyone: a script wrote them.
	SyntheticReasoning bool `json:"synthetic_reasoning,omitempty"`
}

// Tool is a tool's definition as the policy saw it.
type Tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	// Extra is an object with the members of the source's definition that have
	// no field here, such as "strict".
	Extra json.RawMessage `json:"extra,omitempty"`
}

// Sandbox says where an episode ran.
type Sandbox struct {
	Driver      string                                `json:"driver"`
	Image       string                                `json:"image,omitempty"`
	Enforcement map[sandbox.Limit]sandbox.Enforcement `json:"enforcement,omitempty"`
}

// A Source is where an imported trajectory comes from. Format, file, row, part
// and digest together tell whether something was imported before.
type Source struct {
	Format  string `json:"format"`            // "swe-agent", "atif", …
	Version string `json:"version,omitempty"` // of the format, where it has versions
	File    string `json:"file"`              // its name without folders
	Row     int    `json:"row,omitempty"`     // from 1, in files that hold many trajectories
	Part    int    `json:"part,omitempty"`    // from 0, in rows, or files without rows, that hold several
	Bytes   int64  `json:"bytes,omitempty"`   // of the whole file
	SHA256  string `json:"sha256,omitempty"`  // of the whole file, in hexadecimal
	// Importer is the program that read it, with its version.
	Importer string `json:"importer,omitempty"`
	// Chosen says that of several attempts this is the one that the source
	// handed in.
	Chosen bool `json:"chosen,omitempty"`
}

// A Parent is the trajectory that another one is a part of.
type Parent struct {
	Trajectory string     `json:"trajectory"`     // its ID
	Turn       int        `json:"turn,omitempty"` // the turn that led here, 0 if unknown
	Kind       ParentKind `json:"kind"`
}

// ParentKind is how a trajectory belongs to its parent, one of a closed set.
type ParentKind string

const (
	ParentSubagent ParentKind = "subagent" // the parent asked another agent, and this is its work
	ParentAttempt  ParentKind = "attempt"  // one of several attempts of one run
)
