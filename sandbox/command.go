package sandbox

import "time"

// A Command is one process to run inside a sandbox.
type Command struct {
	// Argv is the program and its arguments. The program is looked up in the
	// sandbox's PATH.
	Argv []string `json:"argv"`
	// Dir is the working directory; empty means "/".
	Dir string `json:"dir,omitempty"`
	// Env is added to the sandbox's environment.
	Env map[string]string `json:"env,omitempty"`
	// Stdin is the whole standard input; nil means none.
	Stdin []byte `json:"stdin,omitempty"`
	// Timeout bounds the run; zero means no bound but the context's.
	Timeout time.Duration `json:"timeout,omitempty"`
	// OutputCap bounds the bytes kept of the output (standard output and
	// standard error in one stream, as a terminal would show them); zero means
	// DefaultOutputCap. The first and the last half are kept.
	OutputCap int `json:"output_cap,omitempty"`
}

// DefaultOutputCap is the bytes of output kept when a Command does not say.
const DefaultOutputCap = 16 << 20

// A Result is the end of a command. That a command failed is a Result; that it
// could not be run because the sandbox is broken is an error.
type Result struct {
	End End `json:"end"`
	// ExitCode is the exit code when End is EndExit, else -1.
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
	EndMemory  End = "memory"  // it was killed for memory
	EndRefused End = "refused" // it could not be started: no such program, no such directory
)
