package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/serve"
)

// serveFlags are those of srl serve that are no options of the server.
type serveFlags struct {
	listen, unix      string
	examples          string
	tokenFile         string
	insecure          bool
	untilStdinCloses  bool
	maxRequest, cache int64 // MB
}

// mostMB is a terabyte, which no machine has for it.
const mostMB = 1 << 20

// tokenVariable names the variable that may hold the token.
const tokenVariable = "APPRENTICE_REWARD_TOKEN"

func (a *app) srlServeCommand() *cobra.Command {
	var f serveFlags
	var o serve.Options
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer trainers that ask for rewards over HTTP",
		Long: `Answer trainers that ask for rewards over HTTP, until SIGINT or SIGTERM, after
which requests that are being answered are finished. The label of a feed's row
is all that a request needs.

  POST /v1/score   any number of groups at once, see docs/serve.md
  POST /openrlhf   OpenRLHF: --reward.remote_url http://HOST:PORT/openrlhf
  POST /slime      slime: --rm-type remote_rm --rm-url http://HOST:PORT/slime
  POST /verify     NeMo Gym's resources server, with /seed_session,
                   /close_session, /aggregate_metrics and /reverify_mode
  GET  /healthz    ok
  GET  /metrics    for Prometheus

It listens on this machine only, unless --listen says otherwise; then it wants a
token, from --token-file or ` + tokenVariable + `. Requests carry it as a bearer
token, or in the URL: http://x:TOKEN@HOST:PORT/openrlhf.`,
		Example: `  apprentice srl serve
  apprentice srl serve --listen 0.0.0.0:8317 --token-file token --examples steps.jsonl
  apprentice srl serve --unix /run/user/1000/apprentice.sock --limit 2s`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for name, n := range map[string]int64{"max-request": f.maxRequest, "cache": f.cache, "max-outputs": int64(o.MaxOutputs), "limit": int64(o.Limit), "drain": int64(o.Drain)} {
				if n <= 0 {
					return userf("--%s: want more than 0", name)
				}
			}
			for name, n := range map[string]int64{"max-request": f.maxRequest, "cache": f.cache} {
				if n > mostMB {
					return userf("--%s %d: want MB, %d at most", name, n, mostMB)
				}
			}
			o.MaxRequest, o.Cache = f.maxRequest<<20, f.cache<<20
			return a.srlServe(cmd.Context(), f, o, cmd.Flags().Changed("listen"))
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8317", "the address to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&f.unix, "unix", "", "the path of a unix socket to listen on instead, for this user only")
	cmd.Flags().StringVar(&f.examples, "examples", "", "step examples: requests may name them by id, and labels must be theirs")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "the file with the token that requests must carry")
	cmd.Flags().BoolVar(&f.insecure, "insecure", false, "let other machines ask without a token")
	cmd.Flags().DurationVar(&o.Limit, "limit", serve.DefaultLimit, "how long the scoring of one output may take")
	cmd.Flags().IntVar(&o.MaxOutputs, "max-outputs", serve.DefaultMaxOutputs, "how many outputs a request may have")
	cmd.Flags().Int64Var(&f.maxRequest, "max-request", serve.DefaultMaxRequest>>20, "how many MB a request may have, before compression")
	cmd.Flags().Int64Var(&f.cache, "cache", serve.DefaultCache>>20, "how many MB of memory prepared labels may take, about")
	cmd.Flags().DurationVar(&o.Drain, "drain", serve.DefaultDrain, "how long to wait for requests that are being answered, at the end")
	cmd.Flags().BoolVar(&f.untilStdinCloses, "until-stdin-closes", false, "end when standard input does, for programs that start the server")
	_ = cmd.MarkFlagFilename("examples", "jsonl", "gz")
	_ = cmd.MarkFlagFilename("token-file")
	_ = cmd.RegisterFlagCompletionFunc("listen", cobra.FixedCompletions([]string{"127.0.0.1:8317", "0.0.0.0:8317"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) srlServe(ctx context.Context, f serveFlags, o serve.Options, listenGiven bool) error {
	if f.unix != "" && listenGiven {
		return userf("--unix and --listen: give one of them")
	}
	token, err := serveToken(f.tokenFile)
	if err != nil {
		return err
	}
	o.Token = token
	if f.unix == "" {
		local, err := serve.Loopback(f.listen)
		if err != nil {
			return userf("--listen %s: want HOST:PORT: %w", f.listen, err)
		}
		if !local && token == "" && !f.insecure {
			return userf("--listen %s: other machines could ask: give a token with --token-file or %s, or --insecure", f.listen, tokenVariable)
		}
	}
	if f.examples != "" {
		if o.Labels, err = labelsOf(f.examples); err != nil {
			return err
		}
	}
	o.Log = slog.New(slog.NewTextHandler(a.stderr, nil))
	l, err := listener(ctx, f)
	if err != nil {
		return err
	}
	if err := a.sayListening(l, f.unix, len(o.Labels)); err != nil {
		return errors.Join(err, l.Close())
	}
	if f.untilStdinCloses {
		until, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			_, _ = io.Copy(io.Discard, a.stdin) // an error is an end, too
			cancel()
		}()
		ctx = until
	}
	return serve.New(o).Serve(ctx, l)
}

// serveToken returns the token from a file, or else from the environment.
func serveToken(path string) (string, error) {
	where, text := tokenVariable, os.Getenv(tokenVariable)
	if path != "" {
		file, err := os.ReadFile(path)
		if err != nil {
			return "", userf("--token-file: %w", err)
		}
		where, text = "--token-file "+path, string(file)
	}
	token := strings.TrimSpace(text)
	switch {
	case token == "" && text != "", token == "" && path != "":
		return "", userf("%s: it is empty", where)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", userf("%s: a token is one word of printable ASCII", where)
	}
	return token, nil
}

// labelsOf reads the labels of a file of step examples.
func labelsOf(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, userf("--examples: %w", err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	in, err := uncompressed(file)
	if err != nil {
		return nil, userf("reading %s: %w", path, err)
	}
	labels, err := serve.Labels(srl.ReadJSONL(path, in))
	if errors.Is(err, srl.ErrLabel) {
		return nil, userf("%s: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	if len(labels) == 0 {
		return nil, &env.RowError{File: path, Line: 1, Column: 1, Err: errors.New("there are no step examples; 'apprentice srl steps' makes them")}
	}
	return labels, nil
}

func listener(ctx context.Context, f serveFlags) (net.Listener, error) {
	if f.unix != "" {
		l, err := serve.ListenUnix(f.unix)
		if err != nil {
			return nil, userf("--unix: %w", err)
		}
		return l, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return nil, userf("--listen: %w; another port, or 0 for a free one, may do", err)
	}
	return l, nil
}

// sayListening prints where the server is, for people and for programs that wait for it.
func (a *app) sayListening(l net.Listener, path string, examples int) error {
	at := map[string]any{"url": "http://" + l.Addr().String(), "examples": examples}
	if path != "" {
		at = map[string]any{"unix": path, "examples": examples}
	}
	if a.json {
		return a.printJSON(at)
	}
	where := path
	if path == "" {
		where = "http://" + l.Addr().String()
	}
	_, err := fmt.Fprintf(a.stdout, "listening on %s\n", where)
	return err
}
