package serve

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	active   *atomic.Int64
	outputs  *prometheus.CounterVec
}

func newMetrics(t *targets, active *atomic.Int64) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apprentice_requests_total", Help: "Requests that were answered; 499 are those whose client had gone.",
		}, []string{"endpoint", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "apprentice_request_seconds", Help: "How long requests took.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}, []string{"endpoint"}),
		active: active,
		outputs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apprentice_outputs_total", Help: "Outputs of models: scored, format_error (scored, with -1), or not_scored (the time limit was reached).",
		}, []string{"result"}),
	}
	figure := func(name, help string, of func() int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of()) })
	}
	count := func(name, help string, of func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of()) })
	}
	m.registry.MustRegister(m.requests, m.seconds, m.outputs,
		figure("apprentice_requests_active", "Requests that are being answered.", active.Load),
		figure("apprentice_labels", "Labels that are kept ready to score.", func() int64 { n, _, _, _ := t.usage(); return n }),
		figure("apprentice_labels_bytes", "About how much memory they take.", func() int64 { _, n, _, _ := t.usage(); return n }),
		count("apprentice_label_hits_total", "Groups whose label was ready.", func() int64 { _, _, n, _ := t.usage(); return n }),
		count("apprentice_label_misses_total", "Groups whose label had to be prepared.", func() int64 { _, _, _, n := t.usage(); return n }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// scored counts outputs.
func (m *metrics) scored(results []result) {
	var right, wrong, none float64
	for _, r := range results {
		for _, s := range r.scores {
			switch {
			case s.NotScored != "":
				none++
			case s.Violation != "":
				wrong++
			default:
				right++
			}
		}
	}
	m.outputs.WithLabelValues("scored").Add(right)
	m.outputs.WithLabelValues("format_error").Add(wrong)
	m.outputs.WithLabelValues("not_scored").Add(none)
}

// observe counts requests.
func (m *metrics) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.active.Add(1)
		defer m.active.Add(-1)
		start := time.Now()
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(status, r)
		// The mux has set it; paths that a client makes up are no endpoints.
		endpoint := r.Pattern
		if endpoint == "" {
			endpoint = "none"
		}
		m.requests.WithLabelValues(endpoint, strconv.Itoa(status.status)).Inc()
		m.seconds.WithLabelValues(endpoint).Observe(time.Since(start).Seconds())
	})
}

// replyTime is how long a client may take to read a reply.
const replyTime = time.Minute

// A statusWriter remembers the status that was written, and does not wait for a
// client that reads nothing.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(text []byte) (int, error) {
	// Not all writers have deadlines; connections do.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(replyTime))
	return w.ResponseWriter.Write(text)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
