r"""Compiled filter of runs in which gains, losses or counts were not all recorded.

As in :mod:`synmodel.inference.likelihood.kernel` the law of the hidden class numbers is a homogeneous polynomial f, now
one for each number of spines n and each number m of gains that nobody wrote down. In an interval

* L spines are lost, the others move, G join; what was recorded fixes L, G or n', what was not is summed over;
* an unrecorded G weighs Gamma^G / G!, without the exp(-Gamma) that is taken for all intervals together.

The result is the coefficients a_m of a polynomial in the multiplier z of the births: P(data | z) = exp(-z Gamma_total)
z^(recorded gains) sum_m a_m z^m. So births that differ between dendrites and animals are integrated as exactly as where
everything was recorded.

Where a session has a density alone, a number of spines n' implies a length n' / density, and the change of its
logarithm since the session before has Student's distribution with two degrees of freedom,
(1 + u^2 / 2)^(-3/2) / (2 sqrt(2) sigma) with u the change over sigma.

Sums over G are finite where the count at the end is known; otherwise the caller gives the largest G. States below
1e-12 of the whole are dropped.
"""

import math

import numpy as np

from synmodel.core.compiled import Compiled, compiled, inlined
from synmodel.inference.likelihood.forms import (
    add_two,
    copy_three,
    copy_two,
    divide_three,
    divide_two,
    one_joins_three,
    one_joins_two,
    one_lost_three,
    one_lost_two,
    settle_three,
    settle_two,
)
from synmodel.inference.likelihood.kernel import (
    add_three,
    filter_three,
    filter_two,
    join_three_times,
    join_two_times,
    most_spines,
    move_three,
)
from synmodel.inference.likelihood.tail import fates_two, length_changes, open_tail, tail_work

__all__ = ["log_hidden_three", "log_hidden_two", "logarithms"]

_DROPPED = 1e-12
_LONGEST_TAIL = 2


@inlined
def is_likely(weights):  # type: ignore[no-untyped-def]
    """Whether any of the states matters."""
    likely = False
    for m in range(len(weights)):
        likely = likely or weights[m] > _DROPPED
    return likely


@inlined
def total_of(weights):  # type: ignore[no-untyped-def]
    """Sum of all, one after the other."""
    total = 0.0
    for n in range(weights.shape[0]):
        for m in range(weights.shape[1]):
            total += weights[n, m]
    return total


@compiled
def fill_powers(gamma, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with gamma^g / g!."""
    out[0] = 1.0
    for g in range(1, len(out)):
        out[g] = out[g - 1] * gamma / g


@compiled
def gains_allowed(left, gained, count, most, room):  # type: ignore[no-untyped-def]
    """Least and most gains after which ``left`` spines and they are what was recorded, within the room there is."""
    low, high = (gained, gained) if gained >= 0 else (0, min(most, room[1]))
    if count >= 0:
        low, high = max(low, count - left), min(high, count - left)
    return low, min(high, room[0] - left)


@compiled
def logarithms(n):  # type: ignore[no-untyped-def]
    """Those of 0 to n - 1, 0 for 0."""
    out = np.zeros(n)
    for m in range(1, n):
        out[m] = math.log(m)
    return out


def filter_of(  # noqa: C901 - three functions, counted as one
    one_lost: Compiled, settle: Compiled, one_joins: Compiled, add: Compiled, copy: Compiled, divide: Compiled
) -> Compiled:
    """The filter for forms in two or in three classes, from what is done with them."""

    @inlined
    def after_gains(form, left, state, interval, limits, p, then, weight):  # type: ignore[no-untyped-def]
        """Add what follows when ``left`` spines of the law ``form`` are there and newcomers join, to the law after."""
        m, last = state
        fresh, gained, powers, by_length = interval
        for g in range(limits[0] if last else 0, limits[1] + 1):
            if g > 0 and not last:
                one_joins(form, left + g - 1, fresh)
            if g < limits[0]:
                continue
            w = p * powers[g] * by_length[left + g]
            target = m + g if gained < 0 else m
            if last:
                weight[0, target] += w
            elif w > 0.0:
                if weight[left + g, target] == 0.0:
                    then[left + g, target][:] = 0.0
                add(then[left + g, target], left + g, w, form)
                weight[left + g, target] += w

    @inlined
    def after_losses(form, state, steps, interval, bounds, then, work, weight):  # type: ignore[no-untyped-def]
        """Add what follows from n spines of the law ``form`` and each number of losses that is allowed."""
        n, m, last = state
        log_s, d, move = steps
        lost, count, most, most_n, most_m = bounds
        moved, kept = work[1], work[2]
        log_p = 0.0
        for lose in range((lost if lost >= 0 else n) + 1):
            if lose > 0:
                log_p += one_lost(form, n - lose + 1, d) - math.log(lose)
            if lose < lost or log_p == -math.inf:
                continue
            left = n - lose
            limits = gains_allowed(left, interval[1], count, most, (most_n, most_m - m))
            if limits[0] > limits[1]:
                continue
            copy(form, kept)
            log_here = log_p + settle(kept, left, log_s, move, moved[:0] if last else moved, work[3:])
            if log_here > -math.inf:
                after_gains(moved, left, (m, last), interval, limits, math.exp(log_here), then, weight)

    @inlined
    def through_interval(i, steps, gamma, record, most_gained, laws, weights, work, last):  # type: ignore[no-untyped-def]
        """From the law at the start of interval i to that at its end, not normalised."""
        move, log_s, d, fresh = steps
        gained, lost, count, density, sigma, logs = record
        now, then = laws
        before, weight = weights
        most_n, most_m = weight.shape[0] - 1, weight.shape[1] - 1
        powers, by_length = np.ones(most_n + 1), np.ones(most_n + 1)
        if gained[i] < 0:
            fill_powers(gamma[i], powers)
        bounds = (lost[i], count[i], most_gained[i], most_n, most_m)
        for n in range(max(lost[i], 0), most_n + 1):
            if not is_likely(before[n]):
                continue
            if count[i] < 0:
                length_changes(n, density[i], density[i + 1], sigma, logs, by_length)
            interval = (fresh[i], gained[i], powers, by_length)
            for m in range(most_m + 1):
                if before[n, m] > _DROPPED:
                    after_losses(
                        now[n, m], (n, m, last), (log_s[i], d[i], move[i]), interval, bounds, then, work, weight
                    )

    @inlined
    def filter_hidden(steps, gamma, start, span, record, most_gained, law, work, weights):  # type: ignore[no-untyped-def]
        """Bring the law of a run through the intervals of a span (first, stop, whether the run ends there).

        ``law`` and its successor hold the forms by number of spines and unrecorded gains: (2, n, m, ...), and
        ``weights`` (2, n, m) their sums, at first those of the start; ``work`` are five forms. Returns the logarithm
        that the final weights are to be multiplied by.
        """
        first, stop, ends = span
        weights[0, start, 0] = 1.0
        base = 0.0
        for i in range(first, stop):
            at, to = (i - first) % 2, (i - first + 1) % 2
            weights[to] = 0.0
            last = ends and i == stop - 1
            through_interval(
                i, steps, gamma, record, most_gained, (law[at], law[to]), (weights[at], weights[to]), work, last
            )
            total = total_of(weights[to])
            if not total > 0.0:
                return -math.inf
            base += math.log(total)
            for n in range(weights.shape[1]):
                for m in range(weights.shape[2]):
                    weights[to, n, m] /= total
                    if weights[to, n, m] > 0.0 and not last:
                        divide(law[to, n, m], total)
        return base

    return filter_hidden


filter_pairs = filter_of(one_lost_two, settle_two, one_joins_two, add_two, copy_two, divide_two)
filter_triples = filter_of(one_lost_three, settle_three, one_joins_three, add_three, copy_three, divide_three)


@compiled
def begin_two(n, c, n_law, n_m):  # type: ignore[no-untyped-def]
    """The law of n spines of composition c among others of up to n_law - 1 spines, and forms to work with."""
    law = np.empty((2, n_law, n_m, n_law + 2))
    law[0, n, 0][:] = 0.0
    law[0, n, 0, 0] = 1.0
    join_two_times(law[0, n, 0], 0, n, c)
    return law, np.empty((5, n_law + 2))


@compiled
def begin_three(n, c, n_law, n_m):  # type: ignore[no-untyped-def]
    """As :func:`begin_two`."""
    law = np.empty((2, n_law, n_m, n_law + 2, n_law + 2))
    law[0, n, 0][:] = 0.0
    law[0, n, 0, 0, 0] = 1.0
    join_three_times(law[0, n, 0], 0, n, c)
    return law, np.empty((5, n_law + 2, n_law + 2))


@compiled
def fates_three(f, n, fate, law):  # type: ignore[no-untyped-def]
    """As :func:`fates_two`."""
    forms = np.empty((3, n + 2, n + 2))
    move_three(f, n, fate, forms[0], forms[1], forms[2])
    law[: n + 1, : n + 1] = 0.0
    for both in range(n + 1):
        for first in range(n + 1 - both):
            law[both + first, both] = forms[0, both, first]


@compiled
def tail_length(gained, lost, count, first, stop):  # type: ignore[no-untyped-def]
    """How many sessions at the end have a density alone, if one or two after recorded gains; else 0."""
    n = 0
    for i in range(stop - 1, first - 1, -1):
        if gained[i] >= 0 or lost[i] >= 0 or count[i] >= 0:
            break
        n += 1
    for i in range(first, stop - n):
        if gained[i] < 0:
            return 0
    return n if n <= _LONGEST_TAIL else 0


@compiled
def tail_steps(i, two, steps, gamma):  # type: ignore[no-untyped-def]
    """Fates of a spine of each class (there at both open sessions, at the first alone, at none), and mean births.

    Interval i ends at the first open session.
    """
    move, log_s, _, fresh = steps
    n_class = log_s.shape[1]
    fate = np.zeros((n_class, 3))
    both_born, later = 0.0, 0.0
    for c in range(n_class):
        here = math.exp(log_s[i, c])
        both = 0.0
        if two:
            for j in range(n_class):
                both += here * move[i, c, j] * math.exp(log_s[i + 1, j])
            both_born += gamma[i] * fresh[i, c] * math.exp(log_s[i + 1, c])
            later = gamma[i + 1]
        fate[c, 0], fate[c, 1], fate[c, 2] = both, max(here - both, 0.0), 1.0 - here
    return fate, (both_born, max(gamma[i] - both_born, 0.0), later)


@compiled
def all_recorded(n, record, first, stop):  # type: ignore[no-untyped-def]
    """Whether every gain and loss was written down, and no number contradicts them."""
    gained, lost, count = record[0], record[1], record[2]
    for i in range(first, stop):
        n += gained[i] - lost[i]
        if gained[i] < 0 or lost[i] < 0 or (count[i] >= 0 and count[i] != n):
            return False
    return True


@compiled
def recorded_two(steps, c, n, record, span):  # type: ignore[no-untyped-def]
    """Logarithm of the probability of the losses, and the law of the spines at the end of the span."""
    gained, lost, (first, stop) = record[0], record[1], span
    work = np.empty((3, most_spines(n, gained, lost, first, stop) + 3))
    log_p = filter_two(steps, c, n, gained, lost, first, stop, work)
    return log_p, work[(stop - first) % 2]


@compiled
def recorded_three(steps, c, n, record, span):  # type: ignore[no-untyped-def]
    """As :func:`recorded_two`."""
    gained, lost, (first, stop) = record[0], record[1], span
    size = most_spines(n, gained, lost, first, stop) + 3
    work = np.empty((4, size, size))
    log_p = filter_three(steps, c, n, gained, lost, first, stop, work)
    return log_p, work[(stop - first) % 2]


@compiled
def as_coefficients(series, means, base, logs, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the logarithms of a_m, from the mean probabilities given m newcomers."""
    weight, mean = base, means[0] + means[1] + means[2]
    log_mean = math.log(mean) if mean > 0.0 else -math.inf
    for m in range(len(series)):
        if series[m] > 0.0:
            out[m] = weight + math.log(series[m])
        if not mean > 0.0:
            break
        weight += log_mean - logs[m + 1]


def run_of(  # noqa: C901 - three functions, counted as one
    filter_hidden: Compiled, recorded: Compiled, begin: Compiled, fates: Compiled
) -> Compiled:
    """What is computed for one run, from the filters and what it starts and ends with."""

    @inlined
    def after_all_recorded(start, c, steps, gamma, span, record, most_gained, out):  # type: ignore[no-untyped-def]
        """Fill ``out`` (m,) of a run of which all was recorded up to the end of the span."""
        first, stop = span
        base, form = recorded(steps, c, start, record, span)
        if base == -math.inf:
            return
        n = start + np.sum(record[0][first:stop]) - np.sum(record[1][first:stop])
        two = len(most_gained) == _LONGEST_TAIL
        fate, means = tail_steps(stop, two, steps, gamma)
        there, work = tail_work(n, np.sum(most_gained), record[5])
        series = np.zeros(np.sum(most_gained) + 1)
        fates(form, n, fate, there)
        open_tail(there, n, means, record[3][stop:], record[4], two, work, series)
        as_coefficients(series, means, base, record[5], out)

    @inlined
    def through_tail(law, weights, i, steps, gamma, record, most_gained, base, out):  # type: ignore[no-untyped-def]
        """Fill ``out`` (m,) over all numbers before the open sessions, the first of which ends interval i."""
        two = len(most_gained) == _LONGEST_TAIL
        fate, means = tail_steps(i, two, steps, gamma)
        there, work = tail_work(len(weights) - 1, np.sum(most_gained), record[5])
        series = np.zeros(np.sum(most_gained) + 1)
        for n in range(len(weights)):
            if weights[n, 0] > _DROPPED:
                fates(law[n, 0], n, fate, there)
                open_tail(there, n, means, record[3][i:], record[4], two, work, series)
        as_coefficients(series, means, base, record[5], out)

    @inlined
    def one_run(start, c, steps, gamma, span, record, most_gained, out):  # type: ignore[no-untyped-def]
        """Fill ``out`` (m,) of one run."""
        first, stop = span
        gained, lost, count = record[0], record[1], record[2]
        n_open = tail_length(gained, lost, count, first, stop)
        scored = stop - n_open
        out[:] = -math.inf
        if n_open > 0 and all_recorded(start, record, first, scored):
            after_all_recorded(start, c, steps, gamma, (first, scored), record, most_gained[scored:stop], out)
            return
        n_law, n_m = start + 1, 1
        for i in range(first, scored):
            n_law += most_gained[i]
            n_m += most_gained[i] if gained[i] < 0 else 0
        law, work = begin(start, c, n_law, n_m)
        weights = np.zeros((2, n_law, n_m))
        whole = (first, scored, n_open == 0)
        base = filter_hidden(steps, gamma, start, whole, record, most_gained, law, work, weights)
        at = (scored - first) % 2
        if base == -math.inf:
            return
        if n_open == 0:
            for m in range(n_m):
                if weights[at, 0, m] > 0.0:
                    out[m] = base + math.log(weights[at, 0, m])
            return
        through_tail(law[at], weights[at], scored, steps, gamma, record, most_gained[scored:stop], base, out)

    return one_run


run_of_two = run_of(filter_pairs, recorded_two, begin_two, fates_two)
run_of_three = run_of(filter_triples, recorded_three, begin_three, fates_three)


# Two functions of the module: what a function makes is not found again among the compiled code that is kept.
@compiled
def log_hidden_two(begin, end, steps, gamma, composition, recorded, most_gained, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (run, node, m) with the logarithms of a_m of every run.

    ``steps`` are move, log_s, d, fresh and ``composition`` as in
    :func:`synmodel.inference.likelihood.kernel.log_losses_two`; ``gamma`` (run, node, interval) the mean numbers of
    newcomers; ``recorded`` are runs, density, sigma and logs: a tuple n, gained, lost, count, first, stop with
    negative entries for what was not recorded; (run, session) [1/um], NaN where none; (run,); and
    :func:`logarithms` of all numbers there may be. ``most_gained`` (run, interval) is the largest gain.
    """
    move, log_s, d, fresh = steps
    (n, gained, lost, count, first, stop), density, sigma, logs = recorded
    for r in range(begin, end):
        record, span = (gained[r], lost[r], count[r], density[r], sigma[r], logs), (first[r], stop[r])
        for j in range(d.shape[0]):
            own, c = (move[j], log_s[j], d[j], fresh[j]), composition[j, first[r]]
            run_of_two(n[r], c, own, gamma[r, j], span, record, most_gained[r], out[r, j])


@compiled
def log_hidden_three(begin, end, steps, gamma, composition, recorded, most_gained, out):  # type: ignore[no-untyped-def]
    """As :func:`log_hidden_two`."""
    move, log_s, d, fresh = steps
    (n, gained, lost, count, first, stop), density, sigma, logs = recorded
    for r in range(begin, end):
        record, span = (gained[r], lost[r], count[r], density[r], sigma[r], logs), (first[r], stop[r])
        for j in range(d.shape[0]):
            own, c = (move[j], log_s[j], d[j], fresh[j]), composition[j, first[r]]
            run_of_three(n[r], c, own, gamma[r, j], span, record, most_gained[r], out[r, j])
