package serve_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/serve"
)

const expert = "<function=bash>\n<parameter=command>ls -l</parameter>\n</function>"

// right is an output with the expert's action, other one with another.
var (
	right = format.Write("I look.", expert)
	other = format.Write("I look.", strings.Replace(expert, "ls -l", "pwd", 1))
)

func example(id string, r reward.Reward) srl.Example {
	return srl.Example{SchemaVersion: srl.SchemaVersion, ID: id, Action: expert, Reward: r}
}

func label(t testing.TB, e srl.Example) string {
	t.Helper()
	text, err := e.Label().Text()
	require.NoError(t, err)
	return text
}

// post sends a body, and returns the status and the reply.
func post(t testing.TB, h http.Handler, path string, body any) (int, string) {
	t.Helper()
	text, ok := body.(string)
	if !ok {
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		text = string(raw)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(text)))
	return w.Code, w.Body.String()
}

type groups []map[string]any

func TestScoresGroups(t *testing.T) {
	s := serve.New(serve.Options{})
	for _, name := range reward.Names() {
		r, err := reward.Named(name, format.XML)
		require.NoError(t, err)
		near, err := r.Score(other, expert)
		require.NoError(t, err)
		outputs := []string{right, other, "prose", right}
		status, reply := post(t, s, "/v1/score", map[string]any{"groups": groups{
			{"label": label(t, example("a#1", r)), "outputs": outputs},
			{"label": label(t, example("b#2", r)), "outputs": []string{right, right}},
		}, "epsilon": 0.1})
		require.Equal(t, http.StatusOK, status, reply)
		std := srl.Spread([]float64{1, near, -1, 1})
		require.JSONEq(t, fmt.Sprintf(`{"groups": [
			{"id": "a#1", "rewards": [1, %v, -1, 1], "violations": ["", "", "no </think>", ""], "std": %v, "verdict": "kept", "keep": true},
			{"id": "b#2", "rewards": [1, 1], "std": 0, "verdict": "all right", "keep": false}]}`, near, std), reply)
		require.Contains(t, reply, `"rewards":[1.0,`, "Python must read floats")
		require.Contains(t, reply, `,-1.0,1.0]`)
	}
}

func TestExamplesByID(t *testing.T) {
	labels, err := serve.Labels(func(yield func(srl.Example, error) bool) {
		_ = yield(example("a#1", reward.Bare(format.XML)), nil) && yield(example("a#2", reward.Paper(format.XML)), nil)
	})
	require.NoError(t, err)
	s := serve.New(serve.Options{Labels: labels})

	status, reply := post(t, s, "/v1/score", map[string]any{"groups": groups{{"id": "a#1", "outputs": []string{right}}, {"label": labels["a#2"], "outputs": []string{right}}}})
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"groups": [{"id": "a#1", "rewards": [1], "std": 0, "verdict": "unscored", "keep": false},
		{"id": "a#2", "rewards": [1], "std": 0, "verdict": "unscored", "keep": false}]}`, reply)

	mixed := example("a#1", reward.Bare(format.XML))
	mixed.Action = strings.Replace(expert, "ls", "rm", 1)
	for name, g := range map[string]map[string]any{
		"groups.0: example a#3 is not among those that the server has loaded":                                                 {"id": "a#3"},
		"groups.0: bad label: example a#9 is not among":                                                                       {"label": label(t, example("a#9", reward.Bare(format.XML)))},
		"groups.0: bad label: the action or the reward of example a#1 is not that of the example which the server has loaded": {"label": label(t, mixed)},
		"groups.0: bad label: the action or the reward of example a#2 is not that of the example":                             {"label": label(t, example("a#2", reward.Bare(format.XML)))},
		"groups.0: it has both a label and an id":                                                                             {"id": "a#1", "label": labels["a#1"]},
	} {
		g["outputs"] = []string{right}
		status, reply := post(t, s, "/v1/score", map[string]any{"groups": groups{g}})
		require.Equal(t, http.StatusBadRequest, status, name)
		require.Contains(t, reply, name)
	}

	_, err = serve.Labels(func(yield func(srl.Example, error) bool) {
		_ = yield(example("a#1", reward.Bare(format.XML)), nil) && yield(mixed, nil)
	})
	require.ErrorIs(t, err, srl.ErrLabel)
	_, err = serve.Labels(func(yield func(srl.Example, error) bool) { yield(srl.Example{}, io.ErrUnexpectedEOF) })
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// What models write is scored, whatever it is; the values are those of srl/reward,
// which has a test for each kind of them.
func TestOutputsOfAnyKind(t *testing.T) {
	s := serve.New(serve.Options{})
	l := label(t, example("a#1", reward.Bare(format.XML)))
	for name, tt := range map[string]struct {
		output string // as JSON
		want   string
	}{
		"empty":            {`""`, "-1.0"},
		"megabytes":        {`"` + strings.Repeat("look ", 1<<20) + `"`, "-1.0"},
		"nested thoughts":  {quote(t, "<think><think>a</think></think>"+expert), "-1.0"},
		"several actions":  {quote(t, right+"\n"+expert), "-1.0"},
		"an unknown tool":  {quote(t, strings.Replace(right, "=bash", "=fly", 1)), "0."},
		"broken JSON":      {quote(t, `<think></think>{"name":"bash","arguments":{"command":"ls}`), "-1.0"},
		"stripped tags":    {quote(t, expert), "-1.0"},
		"a lone surrogate": {strings.Replace(quote(t, right), "I look.", `\ud800`, 1), "1.0"},
		"invalid UTF-8":    {strings.Replace(quote(t, right), "I look.", "\xff\xfe", 1), "1.0"},
		"a NUL":            {strings.Replace(quote(t, right), "I look.", `\u0000`, 1), "1.0"},
	} {
		status, reply := post(t, s, "/v1/score", `{"groups":[{"label":`+quote(t, l)+`,"outputs":[`+tt.output+`]}]}`)
		require.Equal(t, http.StatusOK, status, name)
		require.Contains(t, reply, `"rewards":[`+tt.want, name)
	}
}

func quote(t testing.TB, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	return string(raw)
}

func TestBadRequests(t *testing.T) {
	good := label(t, example("a#1", reward.Bare(format.XML)))
	unreadable := example("a#1", reward.Bare(format.XML))
	unreadable.Action = "prose"
	group := func(label string) any {
		return map[string]any{"groups": groups{{"label": label, "outputs": []string{right}}}}
	}
	s := serve.New(serve.Options{MaxRequest: 1 << 20, MaxOutputs: 3})
	tests := []struct {
		name   string
		path   string
		body   any
		status int
		want   string
	}{
		{"nothing", "/v1/score", "", 400, "the request cannot be read"},
		{"no JSON", "/v1/score", "{", 400, "the request cannot be read"},
		{"a list", "/v1/score", "[]", 400, "a JSON [ was not to be here"},
		{"a number for a label", "/v1/score", `{"groups":[{"label":7}]}`, 400, "groups.0.label: a JSON number was not to be here"},
		{"an unknown member", "/v1/score", `{"groups":[],"epsilom":1}`, 400, "epsilom"},
		{"a member twice", "/v1/score", `{"groups":[],"groups":[]}`, 400, "duplicate"},
		{"no groups", "/v1/score", `{"groups":[]}`, 400, "the request has no groups"},
		{"no outputs", "/v1/score", map[string]any{"groups": groups{{"label": good, "outputs": []string{}}}}, 400, "groups.0: it has no outputs"},
		{"null for an output", "/v1/score", `{"groups":[{"label":"x","outputs":[null]}]}`, 400, "groups.0.outputs.0: want a string, and not null"},
		{"no label", "/v1/score", group(""), 400, "groups.0: it has neither a label nor an id"},
		{"an id without examples", "/v1/score", map[string]any{"groups": groups{{"id": "a#1", "outputs": []string{right}}}}, 400, "start it with --examples"},
		{"a label that is none", "/v1/score", group("ls"), 400, "groups.0: bad label"},
		{"an id and an action that do not belong together", "/v1/score", group(strings.Replace(good, "ls -l", "rm -r", 1)), 400, "groups.0: bad label: the action is not that of example a#1"},
		{"a reward that there is not", "/v1/score", group(strings.Replace(good, `"version":1`, `"version":9`, 1)), 400, "groups.0: bad label: reward bare has version 1 in this program, and not 9"},
		{"an expert's action that cannot be read", "/v1/score", group(label(t, unreadable)), 400, "groups.0: bad label: example a#1: expert's action"},
		{"a negative epsilon", "/v1/score", map[string]any{"groups": groups{}, "epsilon": -1}, 400, "epsilon is -1: want 0 or more"},
		{"too many outputs", "/v1/score", map[string]any{"groups": groups{{"label": good, "outputs": []string{"", "", "", ""}}}}, 413, "the request has more than 3 outputs: send fewer groups at once"},
		{"too many groups", "/v1/score", `{"groups":[{},{},{},{}` + strings.Repeat(",{}", 1000), 413, "the request has more than 3 groups"},
		{"too large", "/v1/score", strings.Repeat(" ", 1<<20+1), 413, "the request has more than 1048576 bytes"},
		{"lists that do not fit", "/openrlhf", map[string]any{"query": []string{"x"}, "prompts": []string{}, "labels": []string{good}}, 400, "1 query, 0 prompts and 1 labels"},
		{"null for a prompt", "/openrlhf", `{"query":["x"],"prompts":[null],"labels":["x"]}`, 400, "prompts.0: want a string"},
		{"another prompt", "/openrlhf", map[string]any{"query": []string{right}, "prompts": []string{"Fix it."}, "labels": []string{good}}, 400, "query.0 does not begin with prompts.0"},
		{"a bad label for OpenRLHF", "/openrlhf", map[string]any{"query": []string{right}, "prompts": []string{""}, "labels": []string{"x"}}, 400, "bad label"},
		{"no response", "/slime", map[string]any{"label": good}, 400, "there is no response"},
		{"a bad label for slime", "/slime", map[string]any{"label": "x", "response": right}, 400, "bad label"},
		{"a row without a response", "/verify", map[string]any{"label": good, "responses_create_params": map[string]any{}}, 422, "there is no response"},
		{"a bad label for NeMo Gym", "/verify", map[string]any{"label": "x", "responses_create_params": map[string]any{}, "response": map[string]any{}}, 400, "label: bad label"},
		{"a path that there is not", "/v2/score", "", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, reply := post(t, s, tt.path, tt.body)
			require.Equal(t, tt.status, status, reply)
			require.Contains(t, reply, tt.want)
		})
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/score", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

func TestGzip(t *testing.T) {
	s := serve.New(serve.Options{MaxRequest: 1 << 20})
	send := func(encoding, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/score", strings.NewReader(body))
		r.Header.Set("Content-Encoding", encoding)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	packed := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.String()
	}
	body := `{"groups":[{"label":` + quote(t, label(t, example("a#1", reward.Bare(format.XML)))) + `,"outputs":[` + quote(t, right) + `]}]}`
	status, reply := send("gzip", packed(body))
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, reply, "1.0")

	status, _ = send("gzip", packed(strings.Repeat(" ", 64<<20)))
	require.Equal(t, http.StatusRequestEntityTooLarge, status, "64 MB that were packed to 64 kB")
	status, reply = send("gzip", body)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, reply, "reading the request")
	status, reply = send("gzip", packed(body)[:40])
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, reply, "reading the request")
	status, _ = send("br", body)
	require.Equal(t, http.StatusUnsupportedMediaType, status)
}

func TestTheTimeLimitIsNoScore(t *testing.T) {
	long := func(s string) string {
		return "<function=write>\n<parameter=content>" + s + "</parameter>\n</function>"
	}
	e := example("a#1", reward.Bare(format.XML))
	e.Action = long("y" + strings.Repeat("a ", 150_000))
	slow := format.Write("", long(strings.Repeat("a ", 200_000)+"x"))
	s := serve.New(serve.Options{Limit: 50 * time.Millisecond})

	status, reply := post(t, s, "/v1/score", map[string]any{"groups": groups{{"label": label(t, e), "outputs": []string{slow, "prose", ""}}}})
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"groups": [{"id": "a#1", "rewards": [null, -1, -1], "violations": ["", "no </think>", "no </think>"],
		"not_scored": ["time limit of 50ms reached", "", ""], "std": 0, "verdict": "all format errors", "keep": false}]}`, reply)

	for path, body := range map[string]any{
		"/openrlhf": map[string]any{"query": []string{slow}, "prompts": []string{""}, "labels": []string{label(t, e)}},
		"/slime":    map[string]any{"response": slow, "label": label(t, e)},
		"/verify":   map[string]any{"label": label(t, e), "responses_create_params": map[string]any{}, "response": message(slow)},
	} {
		status, reply := post(t, s, path, body)
		require.Equal(t, http.StatusServiceUnavailable, status, path)
		require.Contains(t, reply, "not scored: time limit of 50ms reached", path)
	}
	require.Contains(t, get(t, s, "/metrics"), `apprentice_outputs_total{result="not_scored"} 4`)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	raw, err := json.Marshal(map[string]any{"groups": groups{{"label": label(t, e), "outputs": []string{slow}}}})
	require.NoError(t, err)
	patient := serve.New(serve.Options{Limit: time.Hour})
	start := time.Now()
	patient.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/score", bytes.NewReader(raw)))
	require.Less(t, time.Since(start), 10*time.Second, "nobody waits for it any more")
	require.Contains(t, get(t, patient, "/metrics"), `apprentice_requests_total{code="499",endpoint="POST /v1/score"} 1`)
}

func get(t testing.TB, h http.Handler, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

func TestToken(t *testing.T) {
	s := serve.New(serve.Options{Token: "sesame"})
	ask := func(path string, set func(*http.Request)) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		set(r)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	none := func(*http.Request) {}
	require.Equal(t, http.StatusOK, ask("/healthz", none))
	require.Equal(t, http.StatusUnauthorized, ask("/metrics", none))
	require.Equal(t, http.StatusUnauthorized, ask("/metrics", func(r *http.Request) { r.Header.Set("Authorization", "Bearer sesam") }))
	require.Equal(t, http.StatusUnauthorized, ask("/metrics", func(r *http.Request) { r.SetBasicAuth("sesame", "") }))
	require.Equal(t, http.StatusUnauthorized, ask("/metrics", func(r *http.Request) { r.Header.Set("Authorization", "sesame") }))
	require.Equal(t, http.StatusOK, ask("/metrics", func(r *http.Request) { r.Header.Set("Authorization", "Bearer sesame") }))
	require.Equal(t, http.StatusOK, ask("/metrics", func(r *http.Request) { r.Header.Set("Authorization", "bearer sesame") }))
	require.Equal(t, http.StatusOK, ask("/metrics", func(r *http.Request) { r.SetBasicAuth("x", "sesame") }))
	status, _ := post(t, s, "/v1/score", "{}")
	require.Equal(t, http.StatusUnauthorized, status)
}

func TestMetrics(t *testing.T) {
	s := serve.New(serve.Options{})
	l := label(t, example("a#1", reward.Bare(format.XML)))
	for range 3 {
		post(t, s, "/v1/score", map[string]any{"groups": groups{{"label": l, "outputs": []string{right, "prose"}}}})
	}
	post(t, s, "/v1/score", "{")
	post(t, s, "/no/such/path", "")
	text := get(t, s, "/metrics")
	for _, want := range []string{
		`apprentice_requests_total{code="200",endpoint="POST /v1/score"} 3`,
		`apprentice_requests_total{code="400",endpoint="POST /v1/score"} 1`,
		`apprentice_requests_total{code="404",endpoint="none"} 1`,
		`apprentice_request_seconds_count{endpoint="POST /v1/score"} 4`,
		`apprentice_outputs_total{result="scored"} 3`,
		`apprentice_outputs_total{result="format_error"} 3`,
		"apprentice_label_hits_total 2",
		"apprentice_label_misses_total 1",
		"apprentice_labels 1",
		"apprentice_requests_active 1", // this one
	} {
		require.Contains(t, text, want+"\n")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	s := serve.New(serve.Options{Cache: 1 << 20})
	for i := range 200 {
		status, _ := post(t, s, "/v1/score", map[string]any{"groups": groups{{"label": label(t, example(fmt.Sprintf("a#%d", i), reward.Bare(format.XML))), "outputs": []string{right}}}})
		require.Equal(t, http.StatusOK, status)
	}
	var labels, bytes float64
	for line := range strings.Lines(get(t, s, "/metrics")) {
		_, _ = fmt.Sscanf(line, "apprentice_labels %g", &labels)
		_, _ = fmt.Sscanf(line, "apprentice_labels_bytes %g", &bytes)
	}
	require.Greater(t, labels, 10.0)
	require.Less(t, labels, 200.0)
	require.LessOrEqual(t, bytes, float64(1<<20))
	// Those that were used last are kept.
	post(t, s, "/v1/score", map[string]any{"groups": groups{{"label": label(t, example("a#199", reward.Bare(format.XML))), "outputs": []string{right}}}})
	require.Contains(t, get(t, s, "/metrics"), "apprentice_label_hits_total 1\n")

	none := serve.New(serve.Options{Cache: 1})
	status, reply := post(t, none, "/v1/score", map[string]any{"groups": groups{{"label": label(t, example("a#1", reward.Bare(format.XML))), "outputs": []string{right}}}})
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, reply, "1.0")
}

// A body that panics stands for whatever in the program may.
type panics struct{}

func (panics) Read([]byte) (int, error) { panic("ouch") }

func TestAPanicIsOneRequests(t *testing.T) {
	s := serve.New(serve.Options{})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/score", panics{}))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), "the server failed on this request")
	require.Contains(t, get(t, s, "/metrics"), `code="500"`)
}

// blocked is a body that begins, and goes on when the test says so.
type blocked struct {
	begun chan<- struct{}
	rest  <-chan struct{}
}

func (b blocked) Read([]byte) (int, error) {
	b.begun <- struct{}{}
	<-b.rest
	return 0, io.EOF
}

func TestDrain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		finishes bool
	}{{"what is being answered is finished", true}, {"what takes too long is cut off", false}} {
		t.Run(tt.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			drain := 300 * time.Millisecond
			if tt.finishes {
				drain = time.Minute
			}
			s := serve.New(serve.Options{Drain: drain})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx, l) }()
			url := "http://" + l.Addr().String()

			begun, rest := make(chan struct{}, 8), make(chan struct{})
			answered := make(chan int, 1)
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			go func() {
				r, _ := http.NewRequest(http.MethodPost, url+"/v1/score", blocked{begun, rest})
				resp, err := client.Do(r)
				if err != nil {
					answered <- 0
					return
				}
				_ = resp.Body.Close()
				answered <- resp.StatusCode
			}()
			<-begun
			waitFor(t, client, url, "apprentice_requests_active 2\n")
			cancel()
			if !tt.finishes {
				require.ErrorContains(t, <-served, "were cut off")
				close(rest)
				require.Zero(t, <-answered)
				return
			}
			require.Eventually(t, func() bool {
				c, err := net.Dial("tcp", l.Addr().String())
				if err == nil {
					_ = c.Close()
				}
				return err != nil
			}, 10*time.Second, time.Millisecond, "new connections are refused")
			close(rest)
			require.Equal(t, http.StatusBadRequest, <-answered, "an empty body, and an answer to it")
			require.NoError(t, <-served)
		})
	}
}

// waitFor waits until the metrics of a server have a line.
func waitFor(t *testing.T, client *http.Client, url, line string) {
	t.Helper()
	require.Eventually(t, func() bool {
		resp, err := client.Get(url + "/metrics")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		text, _ := io.ReadAll(resp.Body)
		return strings.Contains(string(text), line)
	}, 10*time.Second, 5*time.Millisecond)
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := serve.ListenUnix(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o600, info.Mode())

	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serve.New(serve.Options{}).Serve(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://apprentice/healthz")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	_, err = serve.ListenUnix(path)
	require.ErrorIs(t, err, serve.ErrInUse)
	cancel()
	require.NoError(t, <-served)
	require.NoFileExists(t, path)

	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	dead.SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	require.FileExists(t, path, "as a server leaves it that is killed")
	l, err = serve.ListenUnix(path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, entries)

	// Whoever has taken the path meanwhile keeps it.
	l, err = serve.ListenUnix(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	next, err := serve.ListenUnix(path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, next.Close())

	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err = serve.ListenUnix(path)
	require.ErrorContains(t, err, "is there, and no socket")
	_, err = serve.ListenUnix(filepath.Join(path, "none", "s"))
	require.Error(t, err)
}

// One of several servers that start on what a dead one has left gets the path.
func TestUnixSocketForOneOfMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for range 50 {
		dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		require.NoError(t, err)
		dead.SetUnlinkOnClose(false)
		require.NoError(t, dead.Close())
		var all conc.WaitGroup
		listeners, errs := make([]net.Listener, 4), make([]error, 4)
		for i := range listeners {
			all.Go(func() { listeners[i], errs[i] = serve.ListenUnix(path) })
		}
		all.Wait()
		got := 0
		for i, l := range listeners {
			if errs[i] != nil {
				require.ErrorIs(t, errs[i], serve.ErrInUse)
				continue
			}
			got++
			require.NoError(t, l.Close())
		}
		require.Equal(t, 1, got)
		require.NoFileExists(t, path)
	}
}

func TestUnixSocketsOfAnyLength(t *testing.T) {
	dir := filepath.Join("/tmp", fmt.Sprintf("apprentice-%d", os.Getpid()))
	dir += strings.Repeat("x", 105-len(dir))
	require.NoError(t, os.Mkdir(dir, 0o700))
	defer func() { require.NoError(t, os.Remove(dir)) }()
	l, err := serve.ListenUnix(filepath.Join(dir, "s"))
	require.NoError(t, err)
	c, err := net.Dial("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, l.Close())
	_, err = serve.ListenUnix(filepath.Join(dir, "so"))
	require.ErrorContains(t, err, "the path of a socket may have 107 bytes, and this one has 108")
}

// deadlines is a connection that remembers until when a reply has to be read.
type deadlines struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error { d.until = t; return nil }

func TestAClientThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	for _, path := range []string{"/healthz", "/metrics", "/reverify_mode"} {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		serve.New(serve.Options{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		require.Equal(t, http.StatusOK, w.Code)
		require.WithinDuration(t, time.Now().Add(time.Minute), w.until, 30*time.Second, path)
	}
}

// A connection on which nobody asks anything is cut off without a word.
func TestRequestsWaitForRoom(t *testing.T) {
	const most = 1 << 20
	server := httptest.NewServer(serve.New(serve.Options{MaxRequest: most}))
	defer server.Close()
	ask := func(ctx context.Context, body io.Reader, size int64) (int, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/seed_session", body)
		require.NoError(t, err)
		r.ContentLength = size
		reply, err := server.Client().Do(r)
		if err != nil {
			return 0, err
		}
		return reply.StatusCode, reply.Body.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var large conc.WaitGroup
	var begun []*io.PipeWriter
	for range 4 {
		body, w := io.Pipe()
		begun = append(begun, w)
		large.Go(func() { _, _ = ask(ctx, body, most) })
	}
	for _, w := range begun {
		_, err := w.Write([]byte("{")) // the client has begun to send it
		require.NoError(t, err)
	}
	small := func(patience time.Duration) (int, error) {
		bounded, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return ask(bounded, strings.NewReader("{}"), 2)
	}
	// They are all in once a small one finds no room.
	require.Eventually(t, func() bool {
		_, err := small(100 * time.Millisecond)
		return errors.Is(err, context.DeadlineExceeded)
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, begun[0].CloseWithError(errors.New("the client gives up")))
	status, err := small(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	cancel()
	for _, w := range begun {
		require.NoError(t, w.Close())
	}
	large.Wait()
}

func TestDrainOfIdleConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	s := serve.New(serve.Options{Drain: 50 * time.Millisecond})
	go func() { served <- s.Serve(ctx, l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	waitFor(t, client, "http://"+l.Addr().String(), "apprentice_requests_active 1\n")
	cancel()
	require.NoError(t, <-served)
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true,
		"0.0.0.0:1": false, ":1": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example.org:1": false,
	} {
		got, err := serve.Loopback(address)
		require.NoError(t, err)
		require.Equal(t, want, got, address)
	}
	_, err := serve.Loopback("8317")
	require.Error(t, err)
}
