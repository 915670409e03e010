package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
	"github.com/apprentice-rl/apprentice/srl/serve"
	"github.com/apprentice-rl/apprentice/srl/srltest"
)

// BenchmarkScore has a server score real actions through the batch endpoint, in
// groups of 8, with a client in this process for each processor. Each group is an
// expert's action, and it and the next 7 of the sample with a thought before them
// as outputs.
func BenchmarkScore(b *testing.B) {
	actions := srltest.Calls(b)
	thought := strings.Repeat("The second page is empty, so I look at the handler. ", 10)
	for _, name := range reward.Names() {
		r, err := reward.Named(name, format.XML)
		require.NoError(b, err)
		for _, size := range []int{8, 64, 512, 4096} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				var bodies [][]byte
				for at := 0; at < len(actions); at += size / 8 {
					var batch groups
					for i := range size / 8 {
						e := srl.Example{ID: fmt.Sprintf("t#%d", (at+i)%len(actions)), Action: actions[(at+i)%len(actions)].Text, Reward: r}
						var outputs []string
						for k := range 8 {
							outputs = append(outputs, format.Write(thought, actions[(at+i+k)%len(actions)].Text))
						}
						batch = append(batch, map[string]any{"label": label(b, e), "outputs": outputs})
					}
					body, err := json.Marshal(map[string]any{"groups": batch})
					require.NoError(b, err)
					bodies = append(bodies, body)
				}
				url := serving(b)
				client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: runtime.GOMAXPROCS(0)}}
				defer client.CloseIdleConnections()
				used := processorTime(b)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for i := 0; pb.Next(); i++ {
						resp, err := client.Post(url, "application/json", bytes.NewReader(bodies[i%len(bodies)]))
						if err != nil {
							b.Error(err)
							return
						}
						_, err = io.Copy(io.Discard, resp.Body)
						if err != nil || resp.StatusCode != http.StatusOK {
							b.Error(resp.Status, err)
						}
						_ = resp.Body.Close()
					}
				})
				b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "actions/s")
				// What it would be on a processor that has nothing else to do.
				b.ReportMetric(float64(b.N*size)/(processorTime(b)-used).Seconds(), "actions/cpu-s")
			})
		}
	}
}

// processorTime is how long this process has been on processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serving starts a server, and returns where its batch endpoint is.
func serving(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	served := make(chan error, 1)
	go func() { served <- serve.New(serve.Options{}).Serve(b.Context(), l) }()
	b.Cleanup(func() { require.NoError(b, <-served) })
	return "http://" + l.Addr().String() + "/v1/score"
}
