package sandbox

import (
	"io"
	"time"
)

// A Command is one process to run inside a sandbox.
type Command struct {
	// Argv is the program and its arguments. The program is looked up in the
	// sandbox's PATH.
	Argv []string `json:"argv,omitempty"`
	// Script, in place of Argv, is a script for bash, or for sh where there is
	// no bash.
	Script string `json:"script,omitempty"`
	// User is the user to run as, by name or number, or "user:group"; empty
	// means the sandbox's own. Without capabilities, which no sandbox has
	// unless its Spec opens that, a command for another user is refused.
	User string `json:"user,omitempty"`
	// Dir is the working directory; empty means "/".
	Dir string `json:"dir,omitempty"`
	// Env is added to the sandbox's environment.
	Env map[string]string `json:"env,omitempty"`
	// Stdin is read to its end and passed on as fast as the command takes it;
	// nil means an empty standard input. A Read that is under way when the
	// command ends is not waited for.
	Stdin io.Reader `json:"-"`
	// Timeout bounds the run; zero means no bound but the context's.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Output, where it is set, gets all output as it comes, and the Result
	// keeps none of it; the command waits for a slow writer.
	Output io.Writer `json:"-"`
	// OutputCap bounds the bytes kept of the output (standard output and
	// standard error in one stream, as a terminal would show them); zero means
	// DefaultOutputCap. The first and the last half are kept.
	OutputCap int `json:"output_cap,omitempty"`
	// Terminal, where it is set, gives the command a terminal of its own in
	// place of plain streams.
	Terminal *Terminal `json:"terminal,omitempty"`
}

// A Terminal is what a command sees of a terminal.
type Terminal struct {
	Size
	// Type is the value of the variable TERM; empty means "xterm-256color".
	Type string `json:"type,omitempty"`
	// Resize tells of new sizes while the command runs. It may be nil, and is
	// not closed by its reader.
	Resize <-chan Size `json:"-"`
}

// Size is the size of a terminal, in characters.
type Size struct {
	Rows    uint16 `json:"rows"`
	Columns uint16 `json:"columns"`
}

// DefaultOutputCap is the bytes of output kept when a Command does not say.
const DefaultOutputCap = 16 << 20

// A Result is the end of a command. That a command failed is a Result; that it
// could not be run because the sandbox is broken is an error.
type Result struct {
	End End `json:"end"`
	// ExitCode is the exit code when the command exited by itself (EndExit, or
	// EndQuota), else -1.
	ExitCode int `json:"exit_code"`
	// Signal is the name of the signal when End is EndSignal.
	Signal string `json:"signal,omitempty"`
	// Output is standard output and standard error as they came. Where the
	// output was larger than the cap, it is the head and the tail, with a line
	// between them that says how many bytes are missing.
	Output []byte `json:"-"`
	// Dropped counts the bytes of output that were not kept.
	Dropped int64 `json:"dropped,omitempty"`
	// Duration is the wall time inside the sandbox.
	Duration time.Duration `json:"duration"`
	// CPU is the processor time of the command and of all that it waited for.
	CPU time.Duration `json:"cpu,omitempty"`
	// MemoryPeak is the resident memory, in bytes, of the largest process among
	// those that CPU counts.
	MemoryPeak int64 `json:"memory_peak,omitempty"`
	// Reason says more in words: why a command was refused, or that it killed
	// its own supervisor.
	Reason string `json:"reason,omitempty"`
}

// Succeeded reports whether the command exited with code 0.
func (r Result) Succeeded() bool { return r.End == EndExit && r.ExitCode == 0 }

// End is how a command ended, one of a closed set.
type End string

const (
	EndExit    End = "exit"    // it exited by itself
	EndSignal  End = "signal"  // a signal killed it
	EndTimeout End = "timeout" // it outran its Timeout; its whole tree was killed
	EndMemory  End = "memory"  // it, or a process that it had started, was killed for memory
	EndQuota   End = "quota"   // it failed with the sandbox's disk full, or wrote a file larger than it may
	EndRefused End = "refused" // it could not be started: no such program, no such directory
)

// Usage is what a sandbox has used since its start.
type Usage struct {
	// CPU is the processor time: of all processes where the kernel counts that
	// for the sandbox (a control group), else of the commands that have ended.
	CPU time.Duration `json:"cpu"`
	// MemoryPeak is the most memory that was in use at once, in bytes: by the
	// sandbox where Whole is true, else by the largest process that has ended.
	MemoryPeak int64 `json:"memory_peak"`
	Whole      bool  `json:"whole"`
	// Processes is how many there are now, without the guest's own.
	Processes int `json:"processes"`
	// Written is how many bytes the sandbox's files take up now, where it has
	// a disk of its own, else 0.
	Written int64 `json:"written"`
}
