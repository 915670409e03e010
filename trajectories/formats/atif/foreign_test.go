package atif_test

import (
	"testing"

	"github.com/apprentice-rl/apprentice/trajectories/formats"
	"github.com/apprentice-rl/apprentice/trajectories/formats/atif"
	"github.com/apprentice-rl/apprentice/trajectories/formats/formatstest"
	"github.com/apprentice-rl/apprentice/trajectories/formats/mini"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openai"
	"github.com/apprentice-rl/apprentice/trajectories/formats/openhands"
	"github.com/apprentice-rl/apprentice/trajectories/formats/sweagent"
	"github.com/apprentice-rl/apprentice/trajectories/formats/swesmith"
)

func TestTrajectoriesOfOtherFormatsLoseWhatIsListedAlone(t *testing.T) {
	formatstest.Foreign(t, []formats.Format{
		sweagent.Format(), mini.Format1(), mini.Format11(), openhands.V0(), openhands.V1(), openai.Format(), swesmith.Format(),
	}, atif.Format())
}
