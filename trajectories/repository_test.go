package trajectories_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apprentice-rl/apprentice/trajectories"
)

func TestARepositoryHasOneName(t *testing.T) {
	for _, tt := range []struct{ repo, task, want string }{
		{"Django/django", "anything", "django/django"},
		{"", "django__django-11066", "django/django"},
		{"", "scikit-learn__scikit-learn-13135", "scikit-learn/scikit-learn"},
		{"", "pandas-dev__pandas.95280573.pr_53652", "pandas-dev/pandas"},
		{"swesmith/pandas-dev__pandas.95280573", "x", "pandas-dev/pandas"},
		{"", "chartjs__Chart.js-8868", "chartjs/chart.js"},
		{"", "hello-world", ""},
		{"", "__x-1", ""},
		{"", "a__b", ""},
		{"", "a__-1", ""},
		{"", "", ""},
	} {
		require.Equal(t, tt.want, trajectories.RepositoryOf(tt.repo, tt.task), "%q, %q", tt.repo, tt.task)
	}
}
