package env

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

func bashTool() Tool {
	return Tool{
		Name: "bash",
		Description: `Run a command in a bash session.
* The session starts in ` + Workdir + ` and persists: the working directory, variables, functions and background jobs are still there in the next call.
* Standard output and standard error are shown together. A last line such as [exit code 1] is shown when the exit code is not 0.
* A command that runs too long is killed, so start servers and other long-lived programs in the background, with their output in a file: command > /tmp/log 2>&1 &
* There is no terminal and no standard input: programs that wait for input see its end.
* There is no network.`,
		Parameters: json.RawMessage(`{"type":"object","properties":{"command":{"type":"string","description":"The bash command to run. It may have several lines."}},"required":["command"],"additionalProperties":false}`),
		Run:        tool(runBash),
	}
}

type bashArguments struct {
	Command string `json:"command"`
}

func runBash(ctx context.Context, e *Environment, args bashArguments) (Observation, error) {
	shell, err := e.session(ctx)
	if err != nil {
		return Observation{}, err
	}
	res, err := shell.Run(ctx, args.Command, e.options.ActionTimeout)
	if err != nil {
		return Observation{}, err
	}
	lines := ending(res.Result, e.options.ActionTimeout)
	if res.Restarted {
		lines = append(lines, fmt.Sprintf("[the bash session ended and was started again in %s; exported variables were kept, functions and other variables were not]", res.Dir))
	}
	result := res.Result
	result.Output = nil // it is in the text
	return Observation{
		Text:   withLines(string(res.Output), lines),
		Failed: !res.Succeeded(),
		Result: &result,
	}, nil
}

// ending says how a command ended where that was not with exit code 0.
func ending(res sandbox.Result, timeout time.Duration) []string {
	var line string
	switch res.End {
	case sandbox.EndExit:
		if res.ExitCode == 0 {
			return nil
		}
		line = fmt.Sprintf("[exit code %d]", res.ExitCode)
	case sandbox.EndTimeout:
		line = fmt.Sprintf("[the command was killed because it ran for more than %s]", seconds(timeout))
	case sandbox.EndSignal:
		line = fmt.Sprintf("[the command was killed by signal %s]", res.Signal)
		if res.Reason != "" {
			line = fmt.Sprintf("[%s]", res.Reason)
		}
	case sandbox.EndMemory:
		line = "[the command was killed because it used more memory than the sandbox has]"
	default:
		line = fmt.Sprintf("[the command could not be run: %s]", res.Reason)
	}
	return []string{line}
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%g seconds", d.Seconds())
}

// withLines puts lines after text, each on a line of its own.
func withLines(text string, lines []string) string {
	if len(lines) == 0 {
		return text
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + strings.Join(lines, "\n")
}
