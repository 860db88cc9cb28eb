"""Numbers that are drawn from the law of what is scored, against histories that a microscope looks at."""

import numpy as np
import pytest
from level import Z_BOUND, agrees, z_of_covariance, z_of_mean

from synmodel.imaging.counting import Laws, tallies_of
from synmodel.imaging.detection import Images, Scoring, observe
from synmodel.imaging.words import words_of
from synmodel.turnover import TurnoverModel, propagate, trace_sessions
from synmodel.turnover.initial import Initial
from synmodel.turnover.start import start_of

SESSIONS = np.array([-3.0, -1.0, 1.0, 4.0, 9.0])
REPLICATES = 150_000
MEANS = (6.0, 4.0, 7.0)
MODEL = {
    "classes": ("filopodium", "thin", "mushroom"),
    "formation": (2.0, 0.3, 0.0),
    "transition": [[0, 0.5, 0.05], [0.03, 0, 0.1], [0, 0.02, 0]],
    "elimination": [1.5, 0.15, 0.02],
}
MISS = (0.4, 0.3, 0.2)


def images(seed):
    return Images(SESSIONS, np.arange(REPLICATES), 1, 1, 1.0, seed=seed)


def start(model, seed):
    initial = Initial(MEANS, poisson=True)
    return start_of(model, initial, replicates=np.arange(REPLICATES), animals=1, dendrites=1, seed=seed)


def drawn(miss=MISS, **changes):
    """(replicate, number) of all tallies that can differ from 0."""
    model = TurnoverModel(**{**MODEL, **changes})
    steps, begun = propagate(model, SESSIONS), start(model, 3)
    laws = Laws(steps.survival, steps.newborn, Scoring(miss))
    return of_all(tallies_of(laws, begun.initial, begun.scale, images(3), (0, 0)))


def of_all(tallies):
    seen, gained, lost, again, followed = tallies.reshape(5, REPLICATES, -1).astype(float)
    return np.concatenate([seen, gained[:, 1:], lost[:, 1:], again[:, 2:], followed[:, 2:]], axis=1)


def z_of(numbers):
    """Against exact means and covariances: numbers with each word are independent Poisson numbers."""
    steps = propagate(TurnoverModel(**MODEL), SESSIONS)
    words = words_of(MEANS, steps.survival, steps.newborn, Scoring(MISS))
    mean = words.first + words.formed
    counted = np.array([by_hand(word) for word in words.scored])
    exact = np.einsum("w,wi,wj->ij", mean, counted, counted)
    zs = [z_of_mean(numbers, mean @ counted, np.diagonal(exact))]
    zs += [z_of_covariance(numbers, numbers[:, [j]], exact[:, j]) for j in range(exact.shape[1])]
    return np.concatenate(zs)


def by_hand(word):
    """What a spine adds, by the words of the documentation; new ones are followed from session 2 on."""
    n = len(word)
    gained = [float(word[k] > word[k - 1]) for k in range(1, n)]
    lost = [float(word[k] < word[k - 1]) for k in range(1, n)]
    new = word[2] > word[1]
    again = [float(new and word[k] == 1) for k in range(2, n)]
    followed = [float(new and all(word[2 : k + 1] == 1)) for k in range(2, n)]
    return [*word, *gained, *lost, *again, *followed]


def test_means_and_covariances():
    assert agrees(z_of(drawn()))


@pytest.mark.parametrize(
    "planted",
    [
        {"formation": (2.1, 0.3, 0.0)},
        {"elimination": [1.575, 0.15, 0.02]},
        {"elimination": [1.5, 0.1575, 0.02]},
        {"transition": [[0, 0.525, 0.05], [0.03, 0, 0.1], [0, 0.02, 0]]},
        {"miss": tuple(1.05 * each for each in MISS)},
    ],
    ids=["formation", "filopodia", "thin", "maturation", "miss"],
)
def test_a_number_five_percent_off_is_caught(planted):
    assert not agrees(z_of(drawn(**planted)))


def looked_at(miss=MISS):
    """The same from histories, whose spines are scored one by one."""
    model = TurnoverModel(**MODEL)
    spines = trace_sessions(model, start(model, 4), SESSIONS, seed=4)
    seen = observe(
        spines, Scoring(miss), replicates=np.arange(REPLICATES), animals=1, dendrites=1, length_um=1.0, seed=4
    )
    parts = [seen[name].to_numpy()[:, 0, 0] for name in ("spine_count", "gained", "lost")]
    parts += [seen[f"new_spines_{way}"].to_numpy()[:, 0, 0, 2:] for way in ("seen", "followed")]
    return np.concatenate(parts, axis=1)


def largest_z(first, second):
    """Of differences of means, and of means of products, between two samples."""
    zs = []
    for a, b in ((first, second), *((first * first[:, [j]], second * second[:, [j]]) for j in range(first.shape[1]))):
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / REPLICATES)
        zs.append((a.mean(axis=0) - b.mean(axis=0)) / np.where(error > 0, error, 1.0))
    return np.abs(np.concatenate(zs)).max()


def test_histories_have_the_same_law():
    assert largest_z(drawn(), looked_at()) < Z_BOUND
    assert largest_z(drawn(), looked_at(tuple(1.05 * each for each in MISS))) > Z_BOUND
