package feed

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/parquet-go/parquet-go"
)

// A Written is what became of the data.
type Written struct {
	Rows int `json:"rows"`
	// LeftOut counts what has no row, by the reason.
	LeftOut map[string]int `json:"left_out,omitempty"`
}

// leftOut is the reason why something has no row.
type leftOut string

func (l leftOut) Error() string { return string(l) }

// A writer writes the rows of a part of the data (train, test).
type writer func(w io.Writer, e Encoding, part string, s Source) (Written, error)

// groupRows bounds a row group of Parquet, which is held in memory while it is
// written: a prompt is some 10 KB.
const groupRows = 1024

// Write writes a feed's rows, one at a time. A part is the name of this file's
// share of the data, "train" or "test"; some trainers want it in each row.
func (f Feed) Write(w io.Writer, e Encoding, part string, s Source) (Written, error) {
	return f.write(w, e, part, s)
}

// rows makes a writer of a function that makes one row, or says with a leftOut why
// there is to be none. The number that it gets counts rows from 0.
func rows[In, Row any](of func(Source) iter.Seq2[In, error], rowOf func(in In, n int, part string) (Row, error)) writer {
	return func(w io.Writer, e Encoding, part string, s Source) (Written, error) {
		done := Written{LeftOut: map[string]int{}}
		put, end, err := encoder[Row](w, e)
		if err != nil {
			return done, err
		}
		for in, err := range of(s) {
			if err != nil {
				return done, err
			}
			row, err := rowOf(in, done.Rows, part)
			if why, ok := errors.AsType[leftOut](err); ok {
				done.LeftOut[string(why)]++
				continue
			}
			if err != nil {
				return done, err
			}
			if err := put(row); err != nil {
				return done, fmt.Errorf("writing row %d: %w", done.Rows+1, err)
			}
			done.Rows++
		}
		if err := end(); err != nil {
			return done, fmt.Errorf("ending the file: %w", err)
		}
		return done, nil
	}
}

// encoder returns what writes a row, and what ends the file.
func encoder[Row any](w io.Writer, e Encoding) (put func(Row) error, end func() error, err error) {
	switch e {
	case JSONL:
		buffered := bufio.NewWriterSize(w, 256<<10)
		lines := json.NewEncoder(buffered)
		lines.SetEscapeHTML(false)
		return func(r Row) error { return lines.Encode(r) }, buffered.Flush, nil
	case Parquet:
		table := parquet.NewGenericWriter[Row](w, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(groupRows))
		row := make([]Row, 1)
		return func(r Row) error {
			row[0] = r
			_, err := table.Write(row)
			return err
		}, table.Close, nil
	}
	return nil, nil, fmt.Errorf("there is no encoding %q", string(e))
}
