"""Compiled log-densities of the lengths that numbers of spines imply where densities were published."""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["log_changes", "log_starts"]

_LARGE = 1e100  # products beyond it are taken the logarithm of


@allocating_nothing
def log_starts(log_lengths, log_numbers, start, record, law, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (run,) with log-probabilities of the numbers at the start, those of runs of one record in turn.

    ``log_lengths`` (record, number) and ``log_numbers`` (number,) are of all numbers that there may be; ``start`` are
    log length and log number (run,); ``law`` are log median and spread of lengths.
    """
    log_length, log_number = start
    log_median, spread = law
    n_number, before, log_z = len(log_numbers), -1, 0.0
    for r in range(len(record)):
        if record[r] != before:
            before = record[r]
            highest, total = -math.inf, 0.0
            for k in range(n_number):
                u = (log_lengths[before, k] - log_median) / spread
                highest = max(highest, -0.5 * u * u - log_numbers[k])
            for k in range(n_number):
                u = (log_lengths[before, k] - log_median) / spread
                total += math.exp(-0.5 * u * u - log_numbers[k] - highest)
            log_z = highest + math.log(total)
        u = (log_length[r] - log_median) / spread
        out[r] = -0.5 * u * u - log_number[r] - log_z


@allocating_nothing
def log_changes(changes, scale, log_norm, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (run,) log-densities of ``changes`` (run, interval) of log length, where they are known.

    Others are NaN or infinite. Changes are of Student's distribution with two degrees of freedom; ``log_norm`` is the
    logarithm of its largest value, with the sign changed.
    """
    for r in range(len(out)):
        product, log_product, known = 1.0, 0.0, 0
        for k in range(changes.shape[1]):
            if math.isfinite(changes[r, k]):
                u = changes[r, k] / scale
                product *= 1.0 + 0.5 * u * u
                known += 1
                if product > _LARGE:
                    log_product += math.log(product)
                    product = 1.0
        out[r] -= known * log_norm + 1.5 * (log_product + math.log(product))
