/* What a hand-written C loop takes: three exact algorithms for the three-class model, counts at sessions only.
 *
 *   0 -> F  kf(t);  F -> 0  1.5;  F -> T  0.5;  T -> 0  0.15;  T -> M  0.1;  M -> T  0.02;  M -> 0  0.005  per day
 *
 * kf(t) = 2 (varies = 0) or 2 (1 + exp(-t / 2)) (varies = 1), births of the latter by thinning. Every replicate has a
 * xoshiro256++ of its own, exponentials come from a ziggurat of 256 layers, and there is no branch that an event decides
 * where one can be avoided. Output: int32 count[replicate][time][3], the first time being the start.
 *
 *   gcc -O3 -march=native -fopenmp -shared -fPIC -o reference.so reference.c -lm
 *
 * Blackman and Vigna 2021, doi:10.1145/3460772; Marsaglia and Tsang 2000, doi:10.18637/jss.v005.i08.
 */

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { uint64_t s[4]; } rng;

static inline uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline uint64_t next(rng *r) {
    uint64_t *s = r->s, result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotl(s[3], 45);
    return result;
}

static inline double uniform(rng *r) { return (double)(next(r) >> 11) * 0x1p-53; }

static rng seeded(uint64_t seed, uint64_t replicate) {
    rng r;
    uint64_t x = seed * 0x9E3779B97F4A7C15ull + replicate * 0xD1342543DE82EF95ull;
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = (x += 0x9E3779B97F4A7C15ull);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        r.s[i] = z ^ (z >> 31);
    }
    return r;
}

/* Ziggurat for exp(-x): layer i has right edge zx[i] and density zy[i] there. */
static double zx[257], zy[257];

static void prepare(void) {
    const double r = 7.69711747013104972, v = 3.949659822581572e-3;
    zx[0] = v / exp(-r); zx[1] = r; zx[256] = 0.0;
    for (int i = 2; i < 256; i++) zx[i] = -log(exp(-zx[i - 1]) + v / zx[i - 1]);
    for (int i = 0; i < 257; i++) zy[i] = exp(-zx[i]);
}

static inline double exponential(rng *r) {
    for (double shift = 0.0;;) {
        uint64_t w = next(r);
        int i = w & 255;
        double x = (double)(w >> 11) * 0x1p-53 * zx[i];
        if (__builtin_expect(x < zx[i + 1], 1)) return shift + x;
        if (i == 0) { shift += zx[1]; continue; }
        if (zy[i] + uniform(r) * (zy[i + 1] - zy[i]) < exp(-x)) return shift + x;
    }
}

static inline double formation(double t, int varies) { return varies ? 2.0 * (1.0 + exp(-0.5 * t)) : 2.0; }

/* Direct method, branch-free choice and update; a thinned birth is an event that changes nothing. */
void direct(int64_t n, int n_time, const double *times, const int32_t *start, int varies, uint64_t seed, int threads,
            int32_t *count) {
    static const double change[8][3] = {{1, 0, 0}, {-1, 0, 0}, {-1, 1, 0}, {0, -1, 0},
                                        {0, -1, 1}, {0, 1, -1}, {0, 0, -1}, {0, 0, 0}};
    prepare();
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t k = 0; k < n; k++) {
        rng r = seeded(seed, k);
        double f = start[0], u = start[1], m = start[2], t = times[0];
        int32_t *out = count + k * n_time * 3;
        const double top = varies ? 4.0 : 2.0;
        int session = 0;
        for (;;) {
            double c0 = top, c1 = c0 + 1.5 * f, c2 = c1 + 0.5 * f, c3 = c2 + 0.15 * u, c4 = c3 + 0.1 * u,
                   c5 = c4 + 0.02 * m, total = c5 + 0.005 * m;
            t += exponential(&r) / total;
            while (session < n_time && times[session] < t) {
                out[3 * session] = (int32_t)f; out[3 * session + 1] = (int32_t)u; out[3 * session + 2] = (int32_t)m;
                session++;
            }
            if (session == n_time) break;
            double level = uniform(&r) * total;
            int e = (level >= c0) + (level >= c1) + (level >= c2) + (level >= c3) + (level >= c4) + (level >= c5);
            if (varies && e == 0 && level >= formation(t, 1)) e = 7;
            f += change[e][0]; u += change[e][1]; m += change[e][2];
        }
    }
}

/* One spine after another: a Markov chain each, births as a Poisson process. */
void spines(int64_t n, int n_time, const double *times, const int32_t *start, int varies, uint64_t seed, int threads,
            int32_t *count) {
    static const double mean_stay[3] = {1 / 2.0, 1 / 0.25, 1 / 0.025}, moves[3] = {0.25, 0.4, 0.8};
    static const int target[3] = {1, 2, 1};
    prepare();
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t k = 0; k < n; k++) {
        rng r = seeded(seed, k);
        int32_t *out = count + k * n_time * 3;
        memset(out, 0, sizeof(int32_t) * 3 * n_time);
        const double end = times[n_time - 1], top = varies ? 4.0 : 2.0;
        int c0 = 0, left = start[0];
        double born = times[0];
        for (;;) {
            while (c0 < 3 && left == 0) { c0++; left = c0 < 3 ? start[c0] : 0; }
            int c = 0, session = 0;
            double t = times[0];
            if (c0 < 3) {
                c = c0; left--;
            } else {
                do born += exponential(&r) / top;
                while (varies && born < end && uniform(&r) * top >= formation(born, 1));
                if (born >= end) break;
                t = born;
                while (times[session] < t) session++;
            }
            for (;;) {
                t += exponential(&r) * mean_stay[c];
                while (session < n_time && times[session] < t) out[3 * session++ + c]++;
                if (session == n_time || uniform(&r) >= moves[c]) break;
                c = target[c];
            }
        }
    }
}

/* Between sessions: binomial survivors and moves, Poisson newborn, inverted from tables that all replicates share.
 * conditional[interval][3][3]: P(lost), P(F | not lost), P(T | neither); newborn[interval][3]. */
enum { MOST = 128, WIDTH = 32 };

static inline int invert(const double *row, double u, int width) {
    int k = 0;
    while (k < width && u > row[k]) k++;
    return k;
}

static int binomial(int n, double p, double u) {
    if (n <= 0) return 0;
    double q = pow(1.0 - p, n), cumulated = q;
    int k = 0;
    while (u > cumulated && k < n) { q *= p / (1.0 - p) * (n - k) / (k + 1); cumulated += q; k++; }
    return k;
}

void intervals(int64_t n, int n_time, const int32_t *start, const double *conditional, const double *newborn,
               uint64_t seed, int threads, int32_t *count) {
    int n_interval = n_time - 1;
    double *tables = malloc(sizeof(double) * n_interval * 9 * MOST * WIDTH), *births = malloc(sizeof(double) * n_interval * 3 * 64);
    for (int a = 0; a < n_interval * 9; a++) {
        double p = fmin(conditional[a], 1.0 - conditional[a]);
        for (int m = 0; m < MOST; m++) {
            double q = pow(1.0 - p, m), cumulated = q, *row = tables + ((int64_t)a * MOST + m) * WIDTH;
            for (int k = 0; k < WIDTH; k++) {
                row[k] = k < m ? cumulated : 2.0;
                q *= p / (1.0 - p) * (m - k) / (k + 1);
                cumulated += q;
            }
        }
    }
    for (int a = 0; a < n_interval * 3; a++) {
        double q = exp(-newborn[a]), cumulated = q;
        for (int k = 0; k < 64; k++) { births[64 * a + k] = cumulated; q *= newborn[a] / (k + 1); cumulated += q; }
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t k = 0; k < n; k++) {
        rng r = seeded(seed, k);
        int32_t *out = count + k * n_time * 3;
        memcpy(out, start, sizeof(int32_t) * 3);
        for (int i = 0; i < n_interval; i++, out += 3) {
            int32_t now[3];
            for (int c = 0; c < 3; c++) now[c] = invert(births + 64 * (3 * i + c), uniform(&r), 64);
            for (int c = 0; c < 3; c++) {
                int left = out[c];
                for (int j = 0; j < 3; j++) {
                    int a = 9 * i + 3 * c + j;
                    double p = conditional[a], u;
                    if (p <= 0.0) continue;
                    u = uniform(&r);
                    int moved = WIDTH;
                    if (left < MOST) moved = invert(tables + ((int64_t)a * MOST + left) * WIDTH, u, WIDTH);
                    if (moved == WIDTH) moved = binomial(left, fmin(p, 1.0 - p), u);
                    if (p > 0.5) moved = left - moved;
                    left -= moved;
                    if (j > 0) now[j - 1] += moved;
                }
                now[2] += left;
            }
            memcpy(out + 3, now, sizeof now);
        }
    }
    free(tables);
    free(births);
}
