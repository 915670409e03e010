package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestATableFitsTheTerminal(t *testing.T) {
	whole := table{rows: 2, columns: []column{
		{title: "ID", least: 10, cells: []string{"a-very-long-name-of-a-task.1", "short.1"}},
		{title: "MODEL", least: 6, rank: 1, cells: []string{"a-model-of-somebody", "größer"}},
		{title: "STEPS", right: true, rank: 2, cells: []string{"7", "12"}},
		{title: "END", cells: []string{"done", "done"}},
	}}
	for width, want := range map[int]string{
		0: "ID                            MODEL                STEPS  END\n" +
			"a-very-long-name-of-a-task.1  a-model-of-somebody      7  done\n" +
			"short.1                       größer                  12  done\n",
		50: "ID                   MODEL             STEPS  END\n" +
			"a-very-lo…-a-task.1  a-model…somebody      7  done\n" +
			"short.1              größer               12  done\n",
		30: "ID             MODEL      END\n" +
			"a-very…task.1  a-mo…body  done\n" +
			"short.1        größer     done\n",
		20: "ID              END\n" +
			"a-very…-task.1  done\n" +
			"short.1         done\n",
		5: "ID          END\n" +
			"a-ve…ask.1  done\n" +
			"short.1     done\n",
	} {
		var out strings.Builder
		require.NoError(t, whole.write(&out, width))
		require.Equal(t, want, out.String(), "%d", width)
		for _, line := range strings.Split(out.String(), "\n") {
			require.True(t, width < 16 || utf8.RuneCountInString(line) <= width, line)
		}
	}
}

func TestSentencesAreNotShortened(t *testing.T) {
	of := table{rows: 1, columns: []column{
		{title: "FIELD", cells: []string{"turn.text"}},
		{title: "EXAMPLE", least: 8, rank: 1, cells: []string{"a-very-long-name.1"}},
		{title: "WHY", least: 12, whole: true, cells: []string{"it is told elsewhere"}},
	}}
	for width, want := range map[int]string{
		36: "FIELD      EXAMPLE    WHY\nturn.text  a-ve…me.1  it is told elsewhere\n",
		25: "FIELD      WHY\nturn.text  it is told elsewhere\n",
	} {
		var out strings.Builder
		require.NoError(t, of.write(&out, width))
		require.Equal(t, want, out.String(), "%d", width)
	}
}

func TestShortNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "-", 7: "7", 999: "999", 1000: "1.0k", 9949: "9.9k", 9950: "10k", 123456: "123k", 999_499: "999k", 999_500: "1.0M", 12_345_678_901: "12G"} {
		require.Equal(t, want, short(n), n)
	}
	for cost, want := range map[float64]string{0: "-", 0.0001: "<$0.001", 0.0567: "$0.057", 0.1: "$0.10", 12.345: "$12.35"} {
		require.Equal(t, want, dollars(cost))
	}
}
