package difflib
import ("testing";"os";"encoding/json";"fmt")
func TestYStat(t *testing.T) {
 raw,_:=os.ReadFile("/tmp/rw/real.json"); var ps []struct{N int; Name,A,B string; Autojunk bool}
 json.Unmarshal(raw,&ps)
 for _,p:=range ps { if p.N!=16000 && p.N!=2000 { continue }
  x:=Index(p.B,false); s:=newSearch(); s.begin(x,p.A)
  fmt.Print(p.N," ",p.Name)
  for k:=range x.seeds { 
   sd:=&x.seeds[k]
   pairs:=0
   for _,g:=range s.gaps { h:=uint64(0); n:=0
    for e:=g.alo;e<g.ahi;e++ { h=sd.roll(h,s.a[e]); if s.a[e]<0 {n=0;continue}; n++; if n<sd.size {continue}; for at:=*sd.slot(h);at>0;at=sd.next[at-1] { j:=int32(at-1)*int32(sd.step); if j>=g.blo&&j<g.bhi {pairs++} } } }
   s.long(sd)
   fmt.Print(" | stage ",k," pairs ",pairs," runs ",len(s.waiting.runs)," gaps ",len(s.gaps))
  }
  alive:=0; lev:=0; ga:=0
  for _,g:=range s.gaps { a,b:=s.keenA[g.alo:g.ahi],s.keenB[g.blo:g.bhi]; l:=&s.levels; n:=int32(0)
    ga+=len(a)+len(b)
    if l.begin(s.symbols,a,b) { alive+=len(l.b)+len(l.all[0].a); for n=1; l.add(n,a,b); n++ { alive+=len(l.b)+len(l.all[n].a); lev++ } } }
  fmt.Println(" | left",ga,"alive",alive,"levels",lev)
 }
}
