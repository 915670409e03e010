package llm

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A pace holds the calls of all episodes back: to the rate limit, and for as
// long as the endpoint has asked for with Retry-After.
type pace struct {
	limiter *rate.Limiter

	mu    sync.Mutex
	until time.Time // no call before
}

// longestPause is how long a Retry-After is waited for. A longer one is a
// quota of hours or days, for which no episode should be held open.
const longestPause = 10 * time.Minute

func newPace(requestsPerMinute int) pace {
	limit := rate.Inf
	if requestsPerMinute > 0 {
		limit = rate.Limit(float64(requestsPerMinute) / 60)
	}
	return pace{limiter: rate.NewLimiter(limit, 1)}
}

// A pauseError is a pause that is not waited for.
type pauseError struct{ left time.Duration }

func (e *pauseError) Error() string {
	return fmt.Sprintf("the endpoint asks to be left alone for %s, longer than is waited for; run the same again then", e.left.Round(time.Second))
}

// wait returns when a call may be made. Its error is the context's cause or a
// *pauseError.
func (p *pace) wait(ctx context.Context) error {
	for {
		if left := p.left(); left > longestPause {
			return &pauseError{left}
		} else if err := sleep(ctx, left); err != nil {
			return err
		}
		// The limiter's own Wait would refuse when the context ends before the
		// call's time has come; the episode wants to hear of its time limit.
		turn := p.limiter.Reserve()
		if err := sleep(ctx, turn.Delay()); err != nil {
			turn.Cancel()
			return err
		}
		if p.left() <= 0 {
			return nil
		}
	}
}

// pause holds all calls back for d from now.
func (p *pace) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
}

func (p *pace) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryAfter reads the Retry-After of an answer: seconds or a date (RFC 9110,
// 10.2.3). Zero means that there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const day = 24 * time.Hour
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, day.Seconds()) * float64(time.Second))
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(0, date.Sub(now)), day)
	}
	return 0
}
