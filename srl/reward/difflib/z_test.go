package difflib_test

import (
	"encoding/json"
	"fmt"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
	"golang.org/x/sys/unix"
	"os"
	"testing"
	"time"
)

func cpu() time.Duration {
	var r unix.Timespec
	unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &r)
	return time.Duration(r.Nano())
}
func TestZPairs(t *testing.T) {
	for _, f := range []string{"/tmp/rw/pairs.json", "/tmp/rw/real.json"} {
		raw, _ := os.ReadFile(f)
		var ps []struct {
			N          int
			Name, A, B string
			Autojunk   bool
		}
		json.Unmarshal(raw, &ps)
		acc := map[string]time.Duration{}
		cnt := map[string]int{}
		var order []string
		for _, p := range ps {
			if p.Autojunk {
				continue
			}
			best := time.Hour
			for range 30 {
				s := cpu()
				difflib.Compare(p.A, p.B, p.Autojunk)
				best = min(best, (cpu() - s))
			}
			k := fmt.Sprint(p.N, " ", p.Name)
			if cnt[k] == 0 {
				order = append(order, k)
			}
			acc[k] += best
			cnt[k]++
		}
		for _, k := range order {
			fmt.Println(k, acc[k]/time.Duration(cnt[k]))
		}
	}
}
