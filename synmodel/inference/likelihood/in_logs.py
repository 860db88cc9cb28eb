"""Compiled survival of all spines by logarithms, for powers of it that no number holds."""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["survive_three_in_logs", "survive_two_in_logs", "times_log"]


@allocating_nothing
def times_log(n, log):  # type: ignore[no-untyped-def]
    """Logarithm of p^n given log p, with p^0 = 1 for p = 0 as well."""
    return 0.0 if n == 0 else n * log


@allocating_nothing
def survive_two_in_logs(f, n, log_s, log_p):  # type: ignore[no-untyped-def]
    """As ``survive_two`` where the power n of a small survival may underflow at the very place where f is largest."""
    highest = -math.inf
    for x in range(n + 1):
        if f[x] > 0.0:
            f[x] = math.log(f[x]) + times_log(x, log_s[0]) + times_log(n - x, log_s[1])
            highest = max(highest, f[x])
        else:
            f[x] = -math.inf
    if highest == -math.inf:
        return highest
    total = 0.0
    for x in range(n + 1):
        f[x] = math.exp(f[x] - highest)
        total += f[x]
    for x in range(n + 1):
        f[x] /= total
    return log_p + highest + math.log(total)


@allocating_nothing
def survive_three_in_logs(f, n, log_s, log_p):  # type: ignore[no-untyped-def]
    """As :func:`survive_two_in_logs`."""
    highest = -math.inf
    for x in range(n + 1):
        for y in range(n + 1 - x):
            if f[x, y] > 0.0:
                survival = times_log(x, log_s[0]) + times_log(y, log_s[1]) + times_log(n - x - y, log_s[2])
                f[x, y] = math.log(f[x, y]) + survival
                highest = max(highest, f[x, y])
            else:
                f[x, y] = -math.inf
    if highest == -math.inf:
        return highest
    total = 0.0
    for x in range(n + 1):
        for y in range(n + 1 - x):
            f[x, y] = math.exp(f[x, y] - highest)
            total += f[x, y]
    for x in range(n + 1):
        for y in range(n + 1 - x):
            f[x, y] /= total
    return log_p + highest + math.log(total)
