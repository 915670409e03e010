package docker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/apprentice-rl/apprentice/sandbox"
)

// pulls are the pulls that go on now: one for each image, however many wait.
type pulls struct {
	mu  sync.Mutex
	now map[string]*onePull
}

type onePull struct {
	waiting int
	stop    context.CancelFunc
	done    chan struct{} // closed when err is final
	err     error
}

// wait waits for the pull of an image, and begins it if nobody has. It goes on
// as long as somebody waits for it.
func (p *pulls) wait(ctx context.Context, ref string, pull func(context.Context, string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	one := p.join(ctx, ref, pull)
	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		p.leave(ref, one)
		return ctx.Err()
	}
}

func (p *pulls) join(ctx context.Context, ref string, pull func(context.Context, string) error) *onePull {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.now[ref]; one != nil {
		one.waiting++
		return one
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	one := &onePull{waiting: 1, stop: stop, done: make(chan struct{})}
	if p.now == nil {
		p.now = make(map[string]*onePull)
	}
	p.now[ref] = one
	go func() {
		defer stop()
		one.err = pull(ctx, ref)
		p.mu.Lock()
		p.forget(ref, one)
		p.mu.Unlock()
		close(one.done)
	}()
	return one
}

// leave stops a pull that nobody waits for any more. Nobody can join it between
// the one and the other: he would get an end that others have chosen.
func (p *pulls) leave(ref string, one *onePull) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one.waiting--; one.waiting == 0 {
		p.forget(ref, one)
		one.stop()
	}
}

// forget makes the next one who wants this image begin anew. The lock is held.
func (p *pulls) forget(ref string, one *onePull) {
	if p.now[ref] == one {
		delete(p.now, ref)
	}
}

// patience is how long a registry that is busy is asked again.
const patience = 5 * time.Minute

// pull pulls an image, remembers it as the driver's own, and makes room for it
// among the others.
func (d *Driver) pull(ctx context.Context, ref string) error {
	tally := newTally(ref, d.progress)
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = d.pullOnce(ctx, ref, tally)
		switch after, busy := busy(last); {
		case last == nil:
			return struct{}{}, nil
		case !busy:
			return struct{}{}, backoff.Permanent(last)
		case after > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: after}
		}
		return struct{}{}, last
	}, backoff.WithMaxElapsedTime(patience), backoff.WithNotify(func(error, time.Duration) {
		tally.say(sandbox.Progress{Image: ref, Doing: "waiting for the registry"})
	}))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return pullError(ref, last)
	}
	if err := d.images.pulled(ctx, ref); err != nil {
		return err
	}
	_ = d.images.trim(ctx) // what cannot be removed now is tried again after the next pull
	return nil
}

func (d *Driver) pullOnce(ctx context.Context, ref string, tally *tally) error {
	r, err := d.api.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	// Errors of the registry come inside the stream.
	return messages(r, tally.add)
}

// pullError keeps apart "the image cannot be had", "not now", and "the engine
// is gone".
func pullError(ref string, err error) error {
	doing := "pulling image " + ref
	if w := wrap(doing, err); errors.Is(w, sandbox.ErrUnavailable) || errors.Is(w, sandbox.ErrDiskFull) {
		return w
	}
	if _, busy := busy(err); busy {
		return fmt.Errorf("docker: %s: the registry is busy or does not answer, asked again and again: %w: %w", doing, err, sandbox.ErrUnavailable)
	}
	return fmt.Errorf("docker: image %s is not on this engine and cannot be pulled (%w): %w", ref, err, sandbox.ErrNoImage)
}

// What engines say of a registry's answer is text for people.
var (
	busyWords  = regexp.MustCompile(`(?i)toomanyrequests|too many requests|internal server error|bad gateway|service unavailable|time-?out|timed out|deadline exceeded|connection reset|unexpected EOF|server misbehaving|temporary failure`)
	finalWords = regexp.MustCompile(`(?i)no such host|denied|unauthorized|not found|manifest unknown|name unknown`)
	afterWords = regexp.MustCompile(`(?i)retry-after:? *([0-9.]+ *(?:ns|µs|us|ms|s|m|h)?)`)
)

// busy tells whether a registry may well give later what it did not now, and
// after what time, where it says so.
func busy(err error) (after time.Duration, ok bool) {
	if err == nil || client.IsErrConnectionFailed(err) || errdefs.IsNotFound(err) || finalWords.MatchString(err.Error()) || !busyWords.MatchString(err.Error()) {
		return 0, false
	}
	if m := afterWords.FindStringSubmatch(err.Error()); m != nil {
		wait := strings.ReplaceAll(m[1], " ", "")
		if strings.Trim(wait, "0123456789.") == "" {
			wait += "s"
		}
		if after, err = time.ParseDuration(wait); err != nil {
			return 0, true
		}
		after = min(max(after, time.Second), time.Minute)
	}
	return after, true
}
