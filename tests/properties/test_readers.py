"""Presence of spines, written as a table and read again, gives counts that balance, whatever the spines did."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synmodel.core.errors import DataError
from synmodel.data import read_observations
from synmodel.data.counts import balanced

STATUS = {1: "present", 0: "absent", -1: "censored"}
DAYS = (-1.0, 1.0, 3.0, 7.5)


@st.composite
def records(draw, statuses=(0, 1)):
    """Status by (mouse, dendrite) of each spine at each session."""
    keys = draw(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 3)), min_size=1, max_size=4, unique=True))
    spine = st.lists(st.sampled_from(statuses), min_size=len(DAYS), max_size=len(DAYS))
    return {key: draw(st.lists(spine, min_size=1, max_size=5)) for key in keys}


def long_table(dendrites, shuffle):
    rows = [
        f"s,a,{mouse},{dendrite},{number},{day},{STATUS[status]}"
        for (mouse, dendrite), spines in dendrites.items()
        for number, spine in enumerate(spines)
        for day, status in zip(DAYS, spine, strict=True)
    ]
    shuffle.shuffle(rows)
    return "\n".join(["study,arm,mouse,dendrite,spine,day,status", *rows])


def counts(reading, key):
    seen = reading.observations
    animal = seen["mouse"].to_numpy().tolist().index(key[0])
    dendrite = seen["dendrite_label"].to_numpy()[animal].tolist().index(str(key[1]))
    return [seen[name].to_numpy()[animal, dendrite] for name in ("spine_count", "gained", "lost")]


@settings(max_examples=40)
@given(dendrites=records(), shuffle=st.randoms(use_true_random=False))
def test_a_table_of_spines_gives_counts_that_balance(tmp_path, dendrites, shuffle):
    path = tmp_path / "spines.csv"
    path.write_text(long_table(dendrites, shuffle))
    reading = read_observations(path)
    assert set(reading.audit.tally()) <= {"reappearing-spine"}
    assert reading.presence.sizes["spine"] == sum(map(len, dendrites.values()))
    for key, spines in dendrites.items():
        table = np.array(spines)
        count, gained, lost = counts(reading, key)
        np.testing.assert_array_equal(count, table.sum(axis=0))
        np.testing.assert_array_equal(gained, (np.diff(table, axis=1) == 1).sum(axis=0))
        np.testing.assert_array_equal(lost, (np.diff(table, axis=1) == -1).sum(axis=0))
    known = reading.observations["gained"].notnull()
    assert bool((balanced(reading.observations) == known).all())


@settings(max_examples=40)
@given(dendrites=records((0, 1, -1)), shuffle=st.randoms(use_true_random=False))
def test_what_is_not_known_is_not_counted(tmp_path, dendrites, shuffle):
    if all(status == -1 for spines in dendrites.values() for spine in spines for status in spine):
        return
    path = tmp_path / "spines.csv"
    path.write_text(long_table(dendrites, shuffle))
    reading = read_observations(path)
    for key, spines in dendrites.items():
        table = np.array(spines)
        count, gained, _ = counts(reading, key)
        known = (table >= 0).all(axis=0)
        np.testing.assert_array_equal(np.isfinite(count), known)
        imaged = (table >= 0).any(axis=0)
        # Gains compare with the last session at which the dendrite was imaged.
        last = np.array([known[:k][imaged[:k]][-1:].any() for k in range(1, len(known))], bool)
        np.testing.assert_array_equal(np.isfinite(gained), known[1:] & last)
    seen = reading.observations
    neighbours = seen["spine_count"].notnull().to_numpy()[..., :-1]
    assert bool((balanced(seen) == (seen["gained"].notnull() & neighbours)).all())


CELLS = (
    "",
    "Day 3",
    "T1",
    "45000",
    "20260101",
    "2024-01-01",
    "12/13/2024",
    "1e400",
    "10%",
    "-",
    "x;y",
    '"',
    "mouse",
    "new",
)
TABLES = (
    "arm,mouse,dendrite,day,spine_count,gained,lost\na,m,1,-1,5,,\na,m,1,1,6,2,1\na,m,1,3,6,0,0",
    "mouse,dendrite,spine,T0,T1\nm,1,a,1,0\nm,1,b,,1",
    "mouse,dendrite,formation_day_1,elimination_day_1,density_day_-1\nm,1,0.1,0.2,0.5\nm,2,10,0.1,0.5",
    "title,,,\nfov,# of New,# of Lost,# of Stable\nf1,1,2,9\n,0,1,3",
)


@settings(max_examples=200)
@given(st.sampled_from(TABLES), st.lists(st.tuples(st.integers(0, 99), st.sampled_from(CELLS)), max_size=4))
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path, text, damage):
    cells = [line.split(",") for line in text.split("\n")]
    for place, cell in damage:
        row = cells[place % len(cells)]
        row[place // len(cells) % len(row)] = cell
    path = tmp_path / "damaged.csv"
    path.write_text("\n".join(map(",".join, cells)))
    try:
        reading = read_observations(path)
    except DataError as fault:
        refusal = str(fault)
    else:
        refusal = ""
    assert "\n" not in refusal
    if refusal:
        return
    dendrites = reading.document()["dendrites"]
    assert dendrites["used"] <= dendrites["total"]
    assert all("\n" not in line for line in (*reading.audit.notes, *reading.audit.lines()))
