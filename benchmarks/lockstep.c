/* The direct method of reference.c for 64 replicates at a time, as vectors, with the library's vector logarithm.
 *
 * A lane that has finished takes the next replicate. Compiled with fast-math, as the vector logarithm is had in no other way:
 * its last bits depend on the processor and the library.
 *
 *   gcc -Ofast -march=native -mprefer-vector-width=512 -fopenmp -shared -fPIC -o lockstep.so lockstep.c -lm
 */

#include <math.h>
#include <omp.h>
#include <stdint.h>

enum { LANES = 64 };

typedef struct {
    uint64_t s0[LANES], s1[LANES], s2[LANES], s3[LANES];
    double f[LANES], u[LANES], m[LANES], t[LANES], due[LANES], wait[LANES], level[LANES];
    int64_t replicate[LANES];
    int session[LANES];
} lanes;

static inline uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/* xoshiro256++, one of its own for every lane, seeded once. */
static void seed_lanes(lanes *a, uint64_t seed, uint64_t stream) {
    uint64_t x = seed * 0x9E3779B97F4A7C15ull + stream * 0xD1342543DE82EF95ull;
    for (int i = 0; i < 4 * LANES; i++) { /* splitmix64 */
        uint64_t z = (x += 0x9E3779B97F4A7C15ull);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        z ^= z >> 31;
        uint64_t *of[4] = {a->s0, a->s1, a->s2, a->s3};
        of[i / LANES][i % LANES] = z;
    }
}

static inline void draw(lanes *a, double *out) {
    for (int l = 0; l < LANES; l++) {
        uint64_t s0 = a->s0[l], s1 = a->s1[l], s2 = a->s2[l], s3 = a->s3[l];
        uint64_t result = rotl(s0 + s3, 23) + s0, t = s1 << 17;
        s2 ^= s0; s3 ^= s1; s1 ^= s2; s0 ^= s3; s2 ^= t; s3 = rotl(s3, 45);
        a->s0[l] = s0; a->s1[l] = s1; a->s2[l] = s2; a->s3[l] = s3;
        out[l] = (double)(int64_t)((result >> 12) + 1) * 0x1p-52;
    }
}

void lockstep(int64_t n, int n_time, const double *times, const int32_t *start, int varies, uint64_t seed, int threads,
              int32_t *count) {
    const double top = varies ? 4.0 : 2.0;
#pragma omp parallel num_threads(threads)
    {
        int64_t parts = omp_get_num_threads(), part = omp_get_thread_num();
        int64_t next = n * part / parts, stop = n * (part + 1) / parts;
        lanes a;
        int busy = 0;
        seed_lanes(&a, seed, part);
        for (int l = 0; l < LANES; l++) {
            a.f[l] = start[0]; a.u[l] = start[1]; a.m[l] = start[2]; a.t[l] = times[0]; a.session[l] = 0;
            a.due[l] = times[0];
            a.replicate[l] = next < stop ? next++ : -1;
            if (a.replicate[l] >= 0) busy++; else a.due[l] = 1e300;
        }
        while (busy > 0) {
            int passed = 0;
            draw(&a, a.wait);
            draw(&a, a.level);
            for (int l = 0; l < LANES; l++) {
                double total = top + 2.0 * a.f[l] + 0.25 * a.u[l] + 0.025 * a.m[l];
                a.t[l] -= log(a.wait[l]) / total;
                a.level[l] *= total;
                passed |= a.t[l] > a.due[l];
            }
            if (passed)
                for (int l = 0; l < LANES; l++) {
                    while (a.t[l] > a.due[l]) {
                        int32_t *out = count + (a.replicate[l] * n_time + a.session[l]++) * 3;
                        out[0] = (int32_t)a.f[l]; out[1] = (int32_t)a.u[l]; out[2] = (int32_t)a.m[l];
                        if (a.session[l] < n_time) { a.due[l] = times[a.session[l]]; continue; }
                        a.f[l] = start[0]; a.u[l] = start[1]; a.m[l] = start[2]; a.t[l] = times[0]; a.session[l] = 0;
                        a.level[l] = 1e300; /* the new replicate has no event yet */
                        a.due[l] = times[0];
                        a.replicate[l] = next < stop ? next++ : -1;
                        if (a.replicate[l] < 0) { a.due[l] = 1e300; busy--; }
                    }
                }
            for (int l = 0; l < LANES; l++) {
                double f = a.f[l], u = a.u[l], m = a.m[l], v = a.level[l];
                double c0 = top, c1 = c0 + 1.5 * f, c2 = c1 + 0.5 * f, c3 = c2 + 0.15 * u, c4 = c3 + 0.1 * u,
                       c5 = c4 + 0.02 * m, c6 = 1e200;
                double born = v < (varies ? 2.0 * (1.0 + exp(-0.5 * a.t[l])) : top) ? 1.0 : 0.0;
                double lost_f = (v >= c0) & (v < c1), f_to_u = (v >= c1) & (v < c2), lost_u = (v >= c2) & (v < c3),
                       u_to_m = (v >= c3) & (v < c4), m_to_u = (v >= c4) & (v < c5), lost_m = (v >= c5) & (v < c6);
                a.f[l] = f + born - lost_f - f_to_u;
                a.u[l] = u + f_to_u + m_to_u - lost_u - u_to_m;
                a.m[l] = m + u_to_m - m_to_u - lost_m;
            }
        }
    }
}
