"""Slow twins of the kernels in plain Python: no compiler, no arrays, no tables, no vectors, one thing at a time.

They share with the package the matrices between sessions and two functions of numbers (logarithm, exponential), and
take the equations and the counters of draws from the docstrings. Their counts must be those of the kernels, bit by bit.
"""

import bisect
import math

from synmodel.turnover.kernels.elementary import exp, log

MASK = (1 << 32) - 1


def philox(counter, key):
    """Philox4x32-10 on Python's integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def uniforms(key, *counter):
    w = philox(counter, key)
    return tuple((((w[i] >> 6) << 26 | w[i + 1] >> 6) + 0.5) * 2.0**-52 for i in (0, 2))


class Tally:
    """Counts, gains and losses of one dendrite from the class of every spine at every session."""

    def __init__(self, n_time, n_class):
        self.count = [[0] * n_class for _ in range(n_time)]
        self.gained, self.lost = [0] * (n_time - 1), [0] * (n_time - 1)

    def add(self, path):
        for k, c in enumerate(path):
            if c is not None:
                self.count[k][c] += 1
            if k > 0 and c is not None and path[k - 1] is None:
                self.gained[k - 1] += 1
            if k > 0 and c is None and path[k - 1] is not None:
                self.lost[k - 1] += 1


def poisson(mean, u):
    """Smallest k with P(X <= k) >= u."""
    k, probability = 0, math.exp(-mean)
    total = probability
    while u > total:
        k += 1
        probability *= mean / k
        total += probability
    return k


def binomial(n, p, u):
    """Smallest k with P(X <= k) >= u; of the rarer outcome."""
    if n == 0 or p <= 0:
        return 0
    if p > 0.5:
        return n - binomial(n, 1.0 - p, 1.0 - u)
    k, odds, probability = 0, p / (1.0 - p), math.exp(n * math.log1p(-p))
    total = probability
    while u > total and k < n:
        probability *= odds * (n - k) / (k + 1)
        k += 1
        total += probability
    return k


def sessions(key, r, d, start, scale, conditional, newborn):
    """Counts, gains and losses of dendrite d of replicate r, interval by interval."""
    n_class = len(start)
    counts, gained, lost = [list(start)], [], []
    for i, (rows, gamma) in enumerate(zip(conditional, newborn, strict=True)):

        def u(draw, i=i):
            return uniforms(key, r, d, i + 1, draw // 2)[draw % 2]

        after, gone = [poisson(gamma[c] * scale, u(n_class**2 + c)) for c in range(n_class)], 0
        gained.append(sum(after))
        for c in range(n_class):
            left = counts[-1][c]
            for j in range(n_class):
                moved = binomial(left, rows[c][j], u(c * n_class + j))
                left -= moved
                if j == 0:
                    gone += moved
                else:
                    after[j - 1] += moved
            after[n_class - 1] += left
        lost.append(gone)
        counts.append(after)
    return counts, gained, lost


class Clock:
    """A fold that is constant between edges, as a clock."""

    def __init__(self, edges, values):
        keep = [0] + [i for i in range(1, len(values)) if values[i] != values[i - 1]]
        self.edges, self.values = [edges[i] for i in keep] + [edges[-1]], [values[i] for i in keep]
        self.integral = [0.0]
        for i, value in enumerate(self.values):
            self.integral.append(self.integral[-1] + value * (self.edges[i + 1] - self.edges[i]))

    def value(self, t):
        return self.values[bisect.bisect_right(self.edges, t, 0, len(self.values)) - 1]

    def end(self, t, need):
        """When the integral has grown by ``need`` since t."""
        if len(self.values) == 1:
            at = t + need / self.values[0] if self.values[0] > 0 else math.inf
            return at if at < self.edges[-1] else math.inf
        i = bisect.bisect_right(self.edges, t, 0, len(self.values)) - 1
        target = self.integral[i] + self.values[i] * (t - self.edges[i]) + need
        if not target < self.integral[-1]:
            return math.inf
        i = bisect.bisect_right(self.integral, target, 0, len(self.values)) - 1
        return self.edges[i] + (target - self.integral[i]) / self.values[i]


def pick(weights, u):
    level, total = u * sum(weights), 0.0
    for j, weight in enumerate(weights):
        total += weight
        if level < total:
            return j
    return len(weights) - 1


def normal(key, *counter):
    radius, angle = uniforms(key, *counter)
    return math.sqrt(-2.0 * log(radius)) * math.cos(2.0 * math.pi * angle)


def events(key, r, d, start, scale, model, folds, times, elimination_by_size=None, shift=None):  # noqa: C901
    """Tally of dendrite d of replicate r, spine by spine; ``shift`` is the mean of ln w in time."""
    edges = folds.edges.tolist()
    eliminate, mature = Clock(edges, folds.elimination.tolist()), Clock(edges, folds.maturation.tolist())
    form = Clock(edges, folds.formation.tolist())
    n_class = model.n_class
    both = max(sum(hazard > 0 for hazard in row) for row in model.transition) > 1
    tally = Tally(len(times), n_class)
    most = elimination_by_size.most if elimination_by_size else 1.0

    def live(word, c, t):
        path, decision = [None] * len(times), 2
        deviation, known = 0.0, -math.inf
        while c is not None and t < math.inf:
            u_loss, u_forward = uniforms(key, r, d, word, decision)
            u_backward, u_choice = uniforms(key, r, d, word, decision + 1) if both else (u_forward, 0.0)
            row = model.transition[c]
            forward, backward = [0.0] * (c + 1) + list(row[c + 1 :]), list(row[:c]) + [0.0] * (n_class - c)
            end, new = math.inf, None
            if model.elimination[c] > 0:
                end = eliminate.end(t, -log(u_loss) * (1.0 / (model.elimination[c] * most)))
            if sum(backward) > 0 and (at := t + -log(u_backward) * (1.0 / sum(backward))) < end:
                end, new = at, pick(backward, u_choice)
            if sum(forward) > 0 and (at := mature.end(t, -log(u_forward) * (1.0 / sum(forward)))) < end:
                end, new = at, pick(forward, u_choice)
            if elimination_by_size and new is None and end < math.inf:
                law = elimination_by_size.head_width
                kept = exp(-law.reversion * (end - known))
                noise = normal(key, r, d, word, decision + (1 << 20))
                deviation = kept * deviation + math.sqrt(1.0 - kept * kept) * law.log_sd * noise
                known = end
                spared = 1.0 + (most - 1.0) * exp(elimination_by_size.steepness * (shift(end) + deviation))
                if uniforms(key, r, d, word, decision + 1 + (1 << 20))[0] >= 1.0 / spared:
                    new = c
            for k, day in enumerate(times):
                if t <= day <= end:
                    path[k] = c
            t, c, decision = end, new, decision + 2
        tally.add(path)

    for c, number in enumerate(start):
        for i in range(number):
            live(sum(start[:c]) + i, c, times[0])
    rate = sum(model.formation) * scale
    for strip in range(math.ceil(max(form.values)) if rate > 0 else 0):
        last = max(edges[i + 1] for i, value in enumerate(folds.formation) if value > strip)
        t, number = times[0], 0
        while True:
            word = (1 << 30) + strip * (1 << 24) + number
            u_wait, u_height = uniforms(key, r, d, word, 0)
            t, number = t + -log(u_wait) / rate, number + 1
            if t >= last:
                break
            if strip + u_height < form.value(t):
                c = 0
                if model.formation[0] < sum(model.formation):
                    c = pick(model.formation, uniforms(key, r, d, word, 1)[0])
                live(word, c, t)
    return tally


def coupled(key, r, d, start, scale, model, folds, times, interaction):  # noqa: C901
    """Tally of dendrite d of replicate r, event by event; every spine is a pair [class, there at the last session]."""
    counts, gained, lost = [list(start)], [], []
    number, old = [float(n) for n in start], [float(n) for n in start]
    event = 0
    u_wait, u_choice = uniforms(key, r, d, event, 0)
    need = -log(u_wait)
    for i in range(len(folds.formation)):
        left = folds.edges[i + 1] - folds.edges[i]
        while True:
            n = sum(number)
            formation = folds.formation[i] * scale
            if interaction.n_max is not None:
                formation = formation * max(0.0, 1.0 - n * (1.0 / interaction.n_max))
            elimination = folds.elimination[i]
            if interaction.homeostasis > 0:
                elimination = elimination * exp(interaction.homeostasis * (n * (1.0 / interaction.n_star) - 1.0))
            channels = [
                (None, c, birth * formation) for c, birth in enumerate(model.formation_rates / interaction.batch)
            ]
            for c, here in enumerate(number):
                channels.append((c, None, here * model.elimination[c] * elimination))
                for j, hazard in enumerate(model.transition[c]):
                    fold = folds.maturation[i] if j > c else 1.0
                    channels.append((c, j, here * (hazard * fold)))
            total = 0.0
            for _, _, rate in channels:
                total += rate
            if need >= total * left:
                need -= total * left
                break
            left -= need / total
            level = u_choice * total
            for source, target, rate in channels:
                if level < rate:
                    known = source is not None and level * number[source] < rate * old[source]
                    for array, step in ((number, 1.0), (old, 1.0 if known else 0.0)):
                        if source is not None:
                            array[source] -= step
                        if target is not None and (array is number or source is not None):
                            array[target] += interaction.batch if source is None else step
                    break
                level -= rate
            event += 1
            u_wait, u_choice = uniforms(key, r, d, event, 0)
            need = -log(u_wait)
        if folds.edges[i + 1] in times:
            lost.append(sum(counts[-1]) - int(sum(old)))
            counts.append([int(n) for n in number])
            gained.append(int(sum(number) - sum(old)))
            old = list(number)
    return counts, gained, lost
