package difflib_test
import ("testing";"os";"encoding/json";"fmt";"time";"github.com/apprentice-rl/apprentice/srl/reward/difflib")
func TestZEach(t *testing.T) {
 raw,_:=os.ReadFile("/tmp/rw/real.json"); var ps []struct{N int; Name,A,B string; Autojunk bool}
 json.Unmarshal(raw,&ps)
 for i,p:=range ps { if p.N<2000 {continue}; best:=time.Hour
  for range 20 { s:=cpu(); difflib.Compare(p.A,p.B,p.Autojunk); best=min(best,(cpu()-s)) }
  fmt.Println("EACH",i,p.N,p.Name,best.Microseconds()) }
}
