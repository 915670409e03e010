package loose_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories/formats/loose"
)

func TestNumbers(t *testing.T) {
	tests := []struct {
		value string
		want  loose.Number
		says  string
	}{
		{`1.5`, 1.5, ""}, {`"0.01"`, 0.01, ""}, {`" 7 "`, 7, ""}, {`""`, 0, ""}, {`null`, 0, ""}, {`1e400`, 0, "no number"},
		{`"seven"`, 0, "no number"}, {`"NaN"`, 0, "no number"}, {`"-Infinity"`, 0, "no number"}, {`true`, 0, "no number"}, {`[1]`, 0, "no number"}, {`{}`, 0, "no number"},
	}
	for _, tt := range tests {
		var got loose.Number
		err := json.Unmarshal([]byte(tt.value), &got)
		if tt.says != "" {
			require.ErrorContains(t, err, tt.says, tt.value)
			continue
		}
		require.NoError(t, err, tt.value)
		require.Equal(t, tt.want, got, tt.value)
	}
}

func TestWholeNumbersStayInTheRangeOfAllMachines(t *testing.T) {
	require.Equal(t, 1<<53, loose.Number(1e300).Int())
	require.Equal(t, -1<<53, loose.Number(-1e300).Int())
	require.Equal(t, 3, loose.Number(3.9).Int())
}

func TestBooleans(t *testing.T) {
	for value, want := range map[string]loose.Bool{`true`: true, `"True"`: true, `1`: true, `false`: false, `"False"`: false, `0`: false, `null`: false, `""`: false} {
		var got loose.Bool
		require.NoError(t, json.Unmarshal([]byte(value), &got), value)
		require.Equal(t, want, got, value)
	}
	var got loose.Bool
	require.ErrorContains(t, json.Unmarshal([]byte(`"maybe"`), &got), "no boolean")
}

func TestStrings(t *testing.T) {
	for value, want := range map[string]loose.String{`"a"`: "a", `7`: "7", `1.0`: "1.0", `true`: "true", `null`: ""} {
		var got loose.String
		require.NoError(t, json.Unmarshal([]byte(value), &got), value)
		require.Equal(t, want, got, value)
	}
	var got loose.String
	require.ErrorContains(t, json.Unmarshal([]byte(`{}`), &got), "no string")
}

func TestTexts(t *testing.T) {
	tests := []struct{ value, text, raw string }{
		{`"a"`, "a", ""},
		{`""`, "", ""},
		{`[{"type": "text", "text": "a"}, "b", {"type": "image"}, {"text": null}, 7]`, "ab", `[{"type":"text","text":"a"},"b",{"type":"image"},{"text":null},7]`},
		{`{"type": "text", "text": "a"}`, "a", `{"type":"text","text":"a"}`},
		{`7`, "7", "7"},
	}
	for _, tt := range tests {
		var got loose.Text
		require.NoError(t, json.Unmarshal([]byte(tt.value), &got), tt.value)
		require.Equal(t, tt.text, got.Text, tt.value)
		require.Equal(t, tt.raw, string(got.Raw), tt.value)
		require.True(t, got.There)
	}
	got := loose.Text{Text: "of before", There: true}
	require.NoError(t, json.Unmarshal([]byte(`null`), &got))
	require.Equal(t, loose.Text{}, got)
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 500000000, time.UTC)
	tests := []struct {
		text string
		want time.Time
		kept bool // the text says more than the time
	}{
		{"2026-01-02T03:04:05.5Z", at, false},
		{"2026-01-02T03:04:05.5", at, true},
		{"2026-01-02 03:04:05.500000", at, true},
		{"2026-01-02T05:04:05.5+0200", at, true},
		{"1767323045.5", at, true},
		{"yesterday", time.Time{}, true},
		{"", time.Time{}, false},
	}
	for _, tt := range tests {
		got := loose.ParseTime(tt.text)
		require.True(t, tt.want.Equal(got.Time), "%s: %s", tt.text, got.Time)
		require.Equal(t, tt.kept, got.Text != "", tt.text)
	}
}

func FuzzLoose(f *testing.F) {
	for _, s := range []string{`"1"`, `[{"text":"a"}]`, `"2026-01-02T03:04:05Z"`, `1e9`, `{"text":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v struct {
			S loose.String
			N loose.Number
			B loose.Bool
			X loose.Text
			T loose.Time
		}
		for _, name := range []string{"S", "N", "B", "X", "T"} {
			_ = json.Unmarshal([]byte(`{"`+name+`":`+string(b)+`}`), &v)
		}
		_, err := json.Marshal(v.T.Time)
		require.NoError(t, err, "a log can hold every time")
		_, err = json.Marshal(float64(v.N))
		require.NoError(t, err, "and every number")
	})
}
