package stats

import (
	"maps"
	"math"
	"slices"
)

// values are whole numbers, each with how often it was there.
type values map[int]int

func (v *values) add(n int) {
	if *v == nil {
		*v = values{}
	}
	(*v)[n]++
}

func (v *values) merge(o *values) {
	if *v == nil && len(*o) > 0 {
		*v = values{}
	}
	for n, times := range *o {
		(*v)[n] += times
	}
}

// A Distribution is what a set of values looks like. Median and P90 are values
// of the set: the smallest that is not below half of them, and not below nine
// tenths of them.
type Distribution struct {
	N      int     `json:"n"` // how many values are known
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	Max    float64 `json:"max"`
	Mean   float64 `json:"mean"`
	Sum    float64 `json:"sum"`
}

// distribution describes the values, each divided by unit.
func (v values) distribution(unit float64) Distribution {
	if len(v) == 0 {
		return Distribution{}
	}
	sorted := slices.Sorted(maps.Keys(v))
	d := Distribution{Min: float64(sorted[0]) / unit, Max: float64(sorted[len(sorted)-1]) / unit}
	var sum int
	for n, times := range v {
		d.N += times
		sum += n * times
	}
	quantile := func(q float64) float64 {
		rank := max(1, int(math.Ceil(q*float64(d.N))))
		for _, n := range sorted {
			if rank -= v[n]; rank <= 0 {
				return float64(n) / unit
			}
		}
		return d.Max
	}
	d.Median, d.P90 = quantile(0.5), quantile(0.9)
	d.Sum = float64(sum) / unit
	d.Mean = d.Sum / float64(d.N)
	return d
}
