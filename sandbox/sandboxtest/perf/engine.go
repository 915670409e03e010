//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// An engine is Docker's API at its socket, as far as `docker exec` goes. It is
// plain HTTP, so that no client library is measured along.
type engine struct{ client http.Client }

// newEngine returns nil where the engine is not at a Unix socket.
func newEngine() *engine {
	socket, unix := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if socket == "" {
		socket, unix = "/var/run/docker.sock", true
	}
	if !unix {
		return nil
	}
	return &engine{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}}
}

func (e *engine) close() { e.client.CloseIdleConnections() }

// exec runs a command in a container as every client does: create, start with
// its output attached, read to the end, ask for the exit code.
func (e *engine) exec(ctx context.Context, container string, argv ...string) error {
	var created struct{ ID string }
	if err := e.call(ctx, http.MethodPost, "/containers/"+container+"/exec",
		map[string]any{"Cmd": argv, "AttachStdout": true, "AttachStderr": true}, &created); err != nil {
		return err
	}
	if err := e.call(ctx, http.MethodPost, "/exec/"+created.ID+"/start", map[string]any{"Detach": false}, nil); err != nil {
		return err
	}
	var ended struct{ ExitCode int }
	if err := e.call(ctx, http.MethodGet, "/exec/"+created.ID+"/json", nil, &ended); err != nil {
		return err
	}
	if ended.ExitCode != 0 {
		return fmt.Errorf("docker exec by the API: exit code %d", ended.ExitCode)
	}
	return nil
}

func (e *engine) call(ctx context.Context, method, path string, body, result any) error {
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://docker/v1.41"+path, send)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, bytes.TrimSpace(got))
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(got, result)
}

// peerLabel marks the containers that this program starts by the docker
// command, so that none stays behind however it ends.
var peerLabel = "apprentice.perf=" + strconv.Itoa(os.Getpid())

func removePeers() {
	out, _ := exec.Command("docker", "ps", "--all", "--quiet", "--filter", "label="+peerLabel).Output()
	for id := range strings.FieldsSeq(string(out)) {
		_ = exec.Command("docker", "rm", "--force", "--volumes", id).Run()
	}
}

// cli runs a command of the host to its end.
func cli(ctx context.Context, stdin io.Reader, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var said sandbox.Notes
	cmd.Stdin, cmd.Stderr = stdin, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, said.String())
	}
	return nil
}
