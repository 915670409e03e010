// Package serve answers trainers that ask for rewards over HTTP.
//
// A request carries labels, see [srl.Label], and what a model answered; the reply
// has the rewards. One label scores any number of outputs:
//
//	POST /v1/score
//	{"groups": [{"label": "…", "outputs": ["<think>…", "…"]}], "epsilon": 0.1}
//
//	{"groups": [{"id": "t#3", "rewards": [0.75, -1.0], "violations": ["", "no </think>"],
//	             "std": 0.875, "verdict": "kept", "keep": true}]}
//
// Three trainers have protocols of their own: OpenRLHF (POST /openrlhf), slime
// (POST /slime) and NeMo Gym (POST /verify and what goes with it).
//
// # What is never a number
//
// An output whose scoring took longer than Options.Limit has no reward. Neither
// has one whose label cannot be read, or names an id and an action that do not
// belong together: that is a mistake in the data, and a reward for it would be
// learned from. The first is null in /v1/score, where the other outputs have
// their rewards, and 503 in the protocols that have no way to say so; the second
// is 400 everywhere, with the group that it is about.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/apprentice-rl/apprentice/srl"
)

// The bounds that Options have by default.
const (
	DefaultLimit      = 10 * time.Second
	DefaultMaxRequest = 64 << 20
	DefaultMaxOutputs = 16384
	DefaultCache      = 256 << 20
	DefaultDrain      = 30 * time.Second
)

const (
	// atOnce is how many of the largest requests are answered at once.
	atOnce = 4
	// overhead is about how many bytes a request takes that says nothing.
	overhead = 16 << 10
	// readTime is how long a client may take to send a request.
	readTime = 2 * time.Minute
)

// Options are the choices to be made. Zero values mean the defaults, and no
// token and no examples.
type Options struct {
	// Labels are the texts of the labels that there are, by id, see Labels. With
	// them a request may name the id alone, and a label that is not among them,
	// or differs from the one of its id, is refused.
	Labels map[string]string
	// Token is what requests must carry, except those to /healthz: as a bearer
	// token, or as the password of a URL, http://user:TOKEN@host, for trainers
	// that have no setting for headers.
	Token string
	// Limit is how long the scoring of one output may take. It runs from when a
	// processor is free for it.
	Limit time.Duration
	// MaxRequest is how many bytes a request may have, before compression. Four
	// times as much is the most that all requests have which are answered at once;
	// others wait.
	MaxRequest int64
	// MaxOutputs is how many outputs a request may have.
	MaxOutputs int
	// Cache is about how many bytes of memory are used for prepared labels.
	Cache int64
	// Drain is how long Serve waits for requests that are being answered when it
	// is told to end.
	Drain time.Duration
	// Log gets what goes wrong inside; nil means nobody does.
	Log *slog.Logger
}

// A Server scores what trainers send it.
type Server struct {
	options Options
	targets *targets
	metrics *metrics
	handler http.Handler
	// slots are taken by the outputs that are being scored, one for each
	// processor, so that many requests at once do not use up each other's limits.
	slots chan struct{}
	// room is for the bytes of the requests that are being answered. One that finds
	// none waits for its turn, so that many at once do not use up the memory.
	room *semaphore.Weighted
	// answering is how many requests are being answered.
	answering atomic.Int64
}

// New returns a server.
func New(o Options) *Server {
	o.Limit = cmp.Or(o.Limit, DefaultLimit)
	o.MaxRequest = cmp.Or(o.MaxRequest, DefaultMaxRequest)
	o.MaxOutputs = cmp.Or(o.MaxOutputs, DefaultMaxOutputs)
	o.Cache = cmp.Or(o.Cache, DefaultCache)
	o.Drain = cmp.Or(o.Drain, DefaultDrain)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		options: o,
		targets: newTargets(o.Labels, o.Cache),
		slots:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		room:    semaphore.NewWeighted(atOnce * (o.MaxRequest + overhead)),
	}
	s.metrics = newMetrics(s.targets, &s.answering)
	mux := http.NewServeMux()
	mux.Handle("POST /v1/score", s.post(s.score))
	mux.Handle("POST /openrlhf", s.post(s.openRLHF))
	mux.Handle("POST /slime", s.post(s.slime))
	mux.Handle("POST /verify", s.post(s.verify))
	mux.Handle("POST /seed_session", s.post(seedSession))
	mux.Handle("POST /close_session", s.post(seedSession))
	mux.Handle("POST /aggregate_metrics", s.post(aggregateMetrics))
	mux.HandleFunc("GET /reverify_mode", reverifyMode)
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	s.handler = s.metrics.observe(s.recovered(s.authorized(mux)))
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers the connections of a listener until ctx ends. Then it accepts no
// more, and waits for the requests that are being answered, for Options.Drain at
// most; an error says that some were not.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s,
		// What is being answered goes on while the server drains.
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       readTime,
		IdleTimeout:       5 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.options.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Drain)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		n := s.answering.Load()
		_ = server.Close()    // the time for it is over
		if err = nil; n > 0 { // else nothing was asked on the connections that there are
			err = fmt.Errorf("%d requests were still being answered after %s, and were cut off", n, s.options.Drain)
			s.options.Log.Warn("draining", "error", err)
		}
	}
	if ended := <-failed; err == nil && !errors.Is(ended, http.ErrServerClosed) {
		err = fmt.Errorf("serving: %w", ended)
	}
	return err
}

// Labels returns the texts of the examples' labels by id. An error is that of the
// examples, or says that two of one id differ.
func Labels(examples iter.Seq2[srl.Example, error]) (map[string]string, error) {
	labels := map[string]string{}
	for e, err := range examples {
		if err != nil {
			return nil, err
		}
		text, err := e.Label().Text()
		if err != nil {
			return nil, fmt.Errorf("the label of example %s: %w", e.ID, err)
		}
		if before, ok := labels[e.ID]; ok && before != text {
			return nil, fmt.Errorf("%w: there are two examples %s with different actions or rewards", srl.ErrLabel, e.ID)
		}
		labels[e.ID] = text
	}
	return labels, nil
}
