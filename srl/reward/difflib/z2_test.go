package difflib_test

import (
	"encoding/json"
	"fmt"
	"github.com/apprentice-rl/apprentice/srl/reward/difflib"
	"os"
	"testing"
)

func BenchmarkZ(b *testing.B) {
	raw, _ := os.ReadFile("/tmp/rw/real.json")
	var ps []struct {
		N          int
		Name, A, B string
		Autojunk   bool
	}
	json.Unmarshal(raw, &ps)
	for _, n := range []int{2000, 16000} {
		for _, name := range []string{"near", "far"} {
			b.Run(fmt.Sprint(name, n), func(b *testing.B) {
				for b.Loop() {
					for _, p := range ps {
						if p.N == n && p.Name == name {
							difflib.Compare(p.A, p.B, p.Autojunk)
						}
					}
				}
			})
		}
	}
}
