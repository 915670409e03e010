package srl_test

import (
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/env"
	"github.com/apprentice-rl/apprentice/srl"
	"github.com/apprentice-rl/apprentice/srl/format"
	"github.com/apprentice-rl/apprentice/srl/reward"
)

func TestExamplesAreReadAsTheyAreWritten(t *testing.T) {
	want := []srl.Example{
		{SchemaVersion: 1, ID: "a#1", Action: "<x>", Messages: []srl.Message{{Role: "user", Content: "é"}}, Reward: reward.Bare(format.XML)},
		{SchemaVersion: 1, ID: "a#2", Reward: reward.Patch(format.JSON)},
	}
	got, err := all(srl.ReadJSONL("f", iotest.OneByteReader(strings.NewReader("\n"+jsonl(t, want)))))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestLinesThatAreNoExamplesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema_version":1,"id":"a"}` + "\n{\"id\":": `f:2:6: unexpected end of JSON input`,
		`{"schema_version":1,"id":3}`:                  `f:1:26: field id: json: cannot unmarshal number into Go struct field Example.id of type string`,
		`{"messages":[]}`:                              `f:1:1: this is no step example; 'apprentice srl steps' makes them`,
		`{"schema_version":1}`:                         `f:1:1: field id: it is missing`,
		`{"schema_version":99,"id":"a"}`:               `f:1:1: field schema_version: it is 99, and this program knows examples up to ` + strconv.Itoa(srl.SchemaVersion) + `; use a newer one`,
	} {
		_, err := all(srl.ReadJSONL("f", strings.NewReader(text)))
		require.EqualError(t, err, want)
		var row *env.RowError
		require.ErrorAs(t, err, &row)
	}
	_, err := all(srl.ReadJSONL("f", iotest.ErrReader(errors.New("the disk is gone"))))
	require.EqualError(t, err, "reading f: the disk is gone")
}

func all(seq iter.Seq2[srl.Example, error]) ([]srl.Example, error) {
	var list []srl.Example
	for e, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, e)
	}
	return slices.Clip(list), nil
}
