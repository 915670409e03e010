package members_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats/members"
)

func TestTheFirstOfANameStays(t *testing.T) {
	var l members.List
	require.Nil(t, l.Object())
	l.Add("b", 1)
	l.AddAll([]byte(`{"a": [1.0e5, "\u00e9"], "b": 2}`))
	l.AddAll([]byte(`7`))
	l.AddRaw("none", nil)
	l.Add("n", nil)
	require.Equal(t, `{"b":1,"a":[1.0e5,"\u00e9"],"n":null}`, string(l.Object()), "and the spelling of what it is given")
	require.True(t, l.Has("n"))
	require.False(t, l.Has("none"))
}

func TestAnObjectDoesNotChangeWithItsList(t *testing.T) {
	var l members.List
	l.Add(`"a"`, "\n\xff")
	before := l.Object()
	l.AddRaw("b", []byte("[ ]"))
	require.Equal(t, `{"\"a\"":"\n�"}`, string(before))
	require.Equal(t, `{"\"a\"":"\n�","b":[]}`, string(l.Object()))
}

func TestWhatIsNoJSONIsLeftOut(t *testing.T) {
	var l members.List
	l.Add("a", math.Inf(1))
	l.AddRaw("b", []byte(`{"c":`))
	require.Nil(t, l.Object())
	l.Add("a", true)
	require.Equal(t, `{"a":true}`, string(l.Object()), "and takes no name away")
}

func TestManyMembers(t *testing.T) {
	var l members.List
	for range 2 {
		for i := range 100 {
			l.Add(fmt.Sprint(i), i)
		}
	}
	n := 0
	for name, value := range members.All(l.Object()) {
		require.Equal(t, fmt.Sprint(n), name)
		require.Equal(t, name, string(value))
		n++
	}
	require.Equal(t, 100, n)
}

func TestMembersOfABrokenObjectEndWithIt(t *testing.T) {
	var names []string
	for name := range members.All([]byte(`{"a": 1, "b": {}, "c": `)) {
		names = append(names, name)
	}
	require.Equal(t, []string{"a", "b"}, names)
}

func TestOneMember(t *testing.T) {
	require.Equal(t, "2", string(members.Get([]byte(`{"a":1,"b":2,"b":3}`), "b")))
	require.Nil(t, members.Get([]byte(`{"a":1}`), "b"))
	require.Nil(t, members.Get([]byte(`["b"]`), "b"))
}
