package difflib_test
import ("testing";"os";"encoding/json";"github.com/apprentice-rl/apprentice/srl/reward/difflib")
func BenchmarkZ(b *testing.B) {
 raw,_:=os.ReadFile("/tmp/rw/pairs.json"); var ps []struct{N int; Name,A,B string; Autojunk bool}
 json.Unmarshal(raw,&ps)
 for _,p:=range ps { if p.N==2000 && p.Name=="unrelated" && !p.Autojunk { for b.Loop() { difflib.Compare(p.A,p.B,p.Autojunk) } } }
}
