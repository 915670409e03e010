package difflib_test
import ("testing";"os";"encoding/json";"github.com/apprentice-rl/apprentice/srl/reward/difflib")
func TestZV(t *testing.T) {
 raw,_:=os.ReadFile("/tmp/rw/real.json"); var ps []struct{N int; Name,A,B string; Autojunk bool}
 json.Unmarshal(raw,&ps)
 n:=0
 for _,p:=range ps { if p.N==2000 && p.Name=="far" { difflib.Compare(p.A,p.B,p.Autojunk);n++ } }
 println(n)
}
