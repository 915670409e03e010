//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// uses are what is done in sandboxes, at random. Each checks what comes back.
var uses = []struct {
	kind string
	do   func(*life, context.Context) error
}{
	{"exec", (*life).exec},
	{"large output", (*life).output},
	{"timeout", (*life).timeout},
	{"a tree that stays behind", (*life).tree},
	{"shell", (*life).shell},
	{"background server", (*life).server},
	{"files", (*life).files},
	{"tar", (*life).tar},
	{"many at once", (*life).many},
}

// errWrong says that an answer was not the right one.
var errWrong = errors.New("a wrong answer")

// use does one thing, and reports whether the sandbox is good for another. One
// in ten is cancelled in the middle.
func (l *life) use(ctx context.Context) bool {
	u := uses[rand.IntN(len(uses))]
	limit, cancelled := patience, false
	if rand.IntN(10) == 0 {
		limit, cancelled = time.Duration(rand.IntN(200))*time.Millisecond, true
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := u.do(l, ctx)
	l.count(actions, u.kind)
	if err != nil {
		l.judge(u.kind, err, cancelled)
	}
	return !errors.Is(err, sandbox.ErrBroken)
}

func wrong(res any) error { return fmt.Errorf("%w: %+v", errWrong, res) }

func (l *life) bash(ctx context.Context, script, want string) error {
	res, err := l.sb.Run(ctx, sandbox.Command{Argv: []string{"bash", "-c", script}})
	if err == nil && (!res.Succeeded() || strings.TrimSpace(string(res.Output)) != want) {
		err = wrong(res)
	}
	return err
}

func (l *life) exec(ctx context.Context) error {
	res, err := l.sb.Run(ctx, sandbox.Command{Argv: []string{"cat"}, Stdin: strings.NewReader("hello")})
	if err == nil && (!res.Succeeded() || string(res.Output) != "hello") {
		err = wrong(res)
	}
	return err
}

func (l *life) output(ctx context.Context) error {
	res, err := l.sb.Run(ctx, sandbox.Command{Argv: []string{"head", "-c", "4000000", "/dev/zero"}, OutputCap: 100_000})
	if err == nil && (!res.Succeeded() || res.Dropped < 3_000_000 || len(res.Output) > 200_000) {
		res.Output = nil
		err = wrong(res)
	}
	return err
}

func (l *life) timeout(ctx context.Context) error {
	res, err := l.sb.Run(ctx, sandbox.Command{Argv: []string{"bash", "-c", "trap '' TERM; sleep 4242 & wait"}, Timeout: 100 * time.Millisecond})
	if err == nil && res.End != sandbox.EndTimeout {
		err = wrong(res)
	}
	return err
}

func (l *life) tree(ctx context.Context) error {
	return l.bash(ctx, "for i in 1 2 3; do (setsid sleep 4242 & setsid bash -c 'sleep 4242 & sleep 4242' &) >/dev/null 2>&1; done; echo ok", "ok")
}

func (l *life) shell(ctx context.Context) (err error) {
	sh, err := l.sb.Shell(ctx, "/")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sh.Close()) }()
	for _, step := range []struct{ script, want string }{
		{"cd /tmp && export X=7 && f() { echo $X; }", ""},
		{"pwd; f", "/tmp\n7\n"},
		{"exit 3", ""},
		{"echo $X", "7\n"},
	} {
		res, err := sh.Run(ctx, step.script, 0)
		if err != nil {
			return err
		}
		if string(res.Output) != step.want {
			return wrong(res)
		}
	}
	return nil
}

func (l *life) server(ctx context.Context) (err error) {
	sh, err := l.sb.Shell(ctx, "/tmp")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sh.Close()) }()
	port := 10000 + rand.IntN(20000)
	script := fmt.Sprintf("python3 -m http.server --bind 127.0.0.1 %d >/dev/null 2>&1 &", port)
	if _, err := sh.Run(ctx, script, 0); err != nil {
		return err
	}
	ask := fmt.Sprintf("until (exec 3<>/dev/tcp/127.0.0.1/%d && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -1 <&3 | grep -o '200 OK') 2>/dev/null; do sleep 0.2; done", port)
	res, err := sh.Run(ctx, ask, patience)
	if err == nil && string(res.Output) != "200 OK\n" {
		err = wrong(res)
	}
	return err
}

func (l *life) files(ctx context.Context) error {
	data := bytes.Repeat([]byte{0, 1, 2, 0xff}, rand.IntN(300_000))
	path := fmt.Sprintf("/tmp/files/%d", rand.Int64())
	if err := l.sb.WriteFile(ctx, path, data); err != nil {
		return err
	}
	got, err := l.sb.ReadFile(ctx, path)
	if err == nil && !bytes.Equal(got, data) {
		err = wrong(len(got))
	}
	return err
}

func (l *life) tar(ctx context.Context) error {
	name := fmt.Sprintf("tar-%d", rand.Int64())
	if err := l.bash(ctx, "mkdir -p /tmp/"+name+" && cd /tmp/"+name+" && for i in $(seq 200); do echo $i >$i; done", ""); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := l.sb.GetTar(ctx, "/tmp/"+name, &b); err != nil {
		return err
	}
	if err := l.sb.PutTar(ctx, "/tmp/back", &b); err != nil {
		return err
	}
	return l.bash(ctx, "diff -r /tmp/"+name+" /tmp/back/"+name+" && echo same", "same")
}

// many does the same thing many times at once.
func (l *life) many(ctx context.Context) error {
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() { errs <- l.exec(ctx) }()
	}
	var err error
	for range cap(errs) {
		err = errors.Join(err, <-errs)
	}
	return err
}
