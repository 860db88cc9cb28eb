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
1e-15 of the whole are dropped.
"""

import math

import numpy as np

from synmodel.compiled import Compiled, compiled
from synmodel.inference.likelihood.kernel import (
    join_three,
    join_two,
    lose_three,
    lose_two,
    move_three,
    move_two,
    survive_three,
    survive_two,
)

__all__ = ["log_hidden", "log_length_change"]

NOT_RECORDED = -1
_DROPPED = 1e-15
_LOG_T2 = math.log(2.0 * math.sqrt(2.0))


@compiled
def log_length_change(n, before, m, after, sigma):  # type: ignore[no-untyped-def]
    """Log-density of the change of log length between n spines at one density and m at the next [1/um]."""
    if not (before >= 0.0 and after >= 0.0):
        return 0.0
    if (m == 0) != (after == 0.0):
        return -math.inf
    if m == 0 or n == 0 or before == 0.0:
        return 0.0
    u = (math.log(m / after) - math.log(n / before)) / sigma
    return -1.5 * math.log1p(0.5 * u * u) - _LOG_T2 - math.log(sigma)


@compiled
def one_lost_two(f, n, d):  # type: ignore[no-untyped-def]
    """Derive once; returns the logarithm of the sum."""
    return lose_two(f, n, 1, d, 0.0)


@compiled
def settle_two(f, n, log_s, move, out, work):  # type: ignore[no-untyped-def]
    """Let n spines survive and, with ``out`` of some size, move; returns the logarithm of their probability."""
    log_p = survive_two(f, n, log_s, 0.0)
    if len(out) > 0 and log_p > -math.inf:
        move_two(f, n, move, out, work[0])
    return log_p


@compiled
def one_joins_two(f, n, fresh):  # type: ignore[no-untyped-def]
    """One newcomer."""
    join_two(f, n, fresh[0], fresh[1])


@compiled
def add_two(f, n, weight, other):  # type: ignore[no-untyped-def]
    """Add ``weight`` times another form of degree n."""
    for x in range(n + 1):
        f[x] += weight * other[x]


@compiled
def one_lost_three(f, n, d):  # type: ignore[no-untyped-def]
    """As :func:`one_lost_two`."""
    return lose_three(f, n, 1, d, 0.0)


@compiled
def settle_three(f, n, log_s, move, out, work):  # type: ignore[no-untyped-def]
    """As :func:`settle_two`."""
    log_p = survive_three(f, n, log_s, 0.0, work[0])
    if len(out) > 0 and log_p > -math.inf:
        move_three(f, n, move, out, work[0], work[1])
    return log_p


@compiled
def one_joins_three(f, n, fresh):  # type: ignore[no-untyped-def]
    """As :func:`one_joins_two`."""
    join_three(f, n, fresh[0], fresh[1], fresh[2])


@compiled
def add_three_forms(f, n, weight, other):  # type: ignore[no-untyped-def]
    """As :func:`add_two`."""
    for x in range(n + 1):
        for y in range(n + 1 - x):
            f[x, y] += weight * other[x, y]


@compiled
def gains_allowed(left, gained, count, most, room):  # type: ignore[no-untyped-def]
    """Least and most gains after which ``left`` spines and they are what was recorded, within the room there is."""
    low, high = (gained, gained) if gained >= 0 else (0, min(most, room[1]))
    if count >= 0:
        low, high = max(low, count - left), min(high, count - left)
    return low, min(high, room[0] - left)


def filter_of(  # noqa: C901 - three functions, counted as one
    one_lost: Compiled, settle: Compiled, one_joins: Compiled, add: Compiled
) -> Compiled:
    """The filter for forms in two or in three classes, from what is done with them."""

    @compiled
    def after_gains(form, left, state, interval, limits, log_p, then, out):  # type: ignore[no-untyped-def]
        """Add what follows when ``left`` spines of the law ``form`` are there and newcomers join, to the law after."""
        n, m, last = state
        fresh, gamma, gained, count, before, after, sigma = interval
        low, high = limits
        for g in range(high + 1):
            if g > 0:
                if not last:
                    one_joins(form, left + g - 1, fresh)
                if gained < 0:
                    if gamma == 0.0:
                        return
                    log_p += math.log(gamma / g)
            if g < low:
                continue
            log_w = log_p
            if count < 0:
                log_w += log_length_change(n, before, left + g, after, sigma)
            target = m + g if gained < 0 else m
            if last:
                out[target] += math.exp(log_w)
            else:
                add(then[left + g, target], left + g, math.exp(log_w), form)

    @compiled
    def after_losses(form, state, steps, interval, bounds, then, work, out):  # type: ignore[no-untyped-def]
        """Add what follows from n spines of the law ``form`` and each number of losses that is allowed."""
        n, m, last = state
        log_s, d, move = steps
        _, _, gained, count, _, _, _ = interval
        lost, most, most_n, most_m = bounds
        moved, kept = work[1], work[2]
        log_p = 0.0
        for lose in range((lost if lost >= 0 else n) + 1):
            if lose > 0:
                log_p += one_lost(form, n - lose + 1, d) - math.log(lose)
            if lose < lost or log_p == -math.inf:
                continue
            left = n - lose
            limits = gains_allowed(left, gained, count, most, (most_n, most_m - m))
            if limits[0] > limits[1]:
                continue
            kept[:] = form
            log_here = log_p + settle(kept, left, log_s, move, moved[:0] if last else moved, work[3:])
            if log_here > -math.inf:
                after_gains(moved, left, state, interval, limits, log_here, then, out)

    @compiled
    def filter_hidden(steps, gamma, record, most_gained, law, work, out):  # type: ignore[no-untyped-def]
        """Fill ``out`` (m,) with the logarithms of a_m of one run.

        ``law`` and its successor hold the forms by number of spines and unrecorded gains: (2, n, m, ...); ``work`` are
        five forms. ``record`` is (first, stop, gained, lost, count, density, sigma).
        """
        move, log_s, d, fresh = steps
        first, stop, gained, lost, count, density, sigma = record
        most_n, most_m = law.shape[1] - 1, law.shape[2] - 1
        base = 0.0
        out[:] = 0.0
        for i in range(first, stop):
            now, then, last = law[(i - first) % 2], law[(i - first + 1) % 2], i == stop - 1
            then[:] = 0.0
            of_losses = (log_s[i], d[i], move[i])
            interval = (fresh[i], gamma[i], gained[i], count[i], density[i], density[i + 1], sigma)
            bounds = (lost[i], most_gained[i], most_n, most_m)
            for n in range(max(lost[i], 0), most_n + 1):
                for m in range(most_m + 1):
                    if np.sum(now[n, m]) > _DROPPED:
                        work[0][:] = now[n, m]
                        after_losses(work[0], (n, m, last), of_losses, interval, bounds, then, work, out)
            total = np.sum(out) if last else np.sum(then)
            if not total > 0.0:
                out[:] = 0.0
                break
            base += math.log(total)
            if last:
                out /= total
            else:
                then /= total
        for m in range(most_m + 1):
            out[m] = base + math.log(out[m]) if out[m] > 0.0 else -math.inf

    return filter_hidden


filter_pairs = filter_of(one_lost_two, settle_two, one_joins_two, add_two)
filter_triples = filter_of(one_lost_three, settle_three, one_joins_three, add_three_forms)


@compiled
def log_hidden(move, log_s, d, fresh, gamma, composition, runs, density, sigma, most, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (run, node, m) with the logarithms of a_m of every run.

    ``move``, ``log_s``, ``d``, ``fresh`` and ``composition`` are as in
    :func:`synmodel.inference.likelihood.kernel.log_losses`, of two or three classes; ``gamma`` (run, node, interval)
    the mean numbers of newcomers; ``runs`` a tuple n, gained, lost, count, first, stop with negative entries for what
    was not recorded; ``density`` (run, session) [1/um], NaN where none; ``sigma`` (run,); ``most`` a tuple: the
    largest gain (run, interval) and number of spines (run,).
    """
    n, gained, lost, count, first, stop = runs
    most_gained, most_spines = most
    n_class = d.shape[2]
    for r in range(len(n)):
        size = most_spines[r] + 3
        n_m = 1
        for i in range(first[r], stop[r]):
            if gained[r, i] < 0:
                n_m += most_gained[r, i]
        n_m = min(n_m, out.shape[2])
        record = (first[r], stop[r], gained[r], lost[r], count[r], density[r], sigma[r])
        for j in range(d.shape[0]):
            steps = (move[j], log_s[j], d[j], fresh[j])
            c = composition[j, first[r]]
            out[r, j] = -math.inf
            if n_class == 2:
                pairs = np.zeros((2, most_spines[r] + 1, n_m, size))
                pairs[0, n[r], 0, 0] = 1.0
                for k in range(n[r]):
                    join_two(pairs[0, n[r], 0], k, c[0], c[1])
                filter_pairs(steps, gamma[r, j], record, most_gained[r], pairs, np.empty((5, size)), out[r, j, :n_m])
            else:
                triples = np.zeros((2, most_spines[r] + 1, n_m, size, size))
                triples[0, n[r], 0, 0, 0] = 1.0
                for k in range(n[r]):
                    join_three(triples[0, n[r], 0], k, c[0], c[1], c[2])
                work = np.empty((5, size, size))
                filter_triples(steps, gamma[r, j], record, most_gained[r], triples, work, out[r, j, :n_m])
