/* Hamiltonian chains, 1 of 3: rides over a potential in leapfrog steps.

   Step by step what infer/rides.py and adaptation.py do, in their order and with their random
   numbers, so that a chain is the same for one seed, here or there, until rounding parts the two;
   what is said there of reasons and sources is not said again. `real` is float or double, the type
   of a position; energies are double. */

#include <stdlib.h>

typedef i64 (*Steps)(i64, void **, char *, double *, double, void *);

enum { FINE, STOPPED, NO_GRADIENT, TOO_SMALL, TOO_LARGE, NO_ROOT, NO_MEMORY };  /* how it ends */

static const double TOO_FAR = 1000;     /* nats of energy error: the trajectory has diverged */

typedef struct Phase {                  /* a point of a trajectory */
    real *position, *momentum, *velocity, *gradient;
    double potential, energy;
    int holders;                        /* how many point here */
    struct Phase *next;                 /* idle phases are a list */
} Phase;

typedef struct {                        /* a stretch of a trajectory that grew in one direction */
    Phase *inner, *outer, *chosen;      /* its first and last point, and the one that is drawn */
    double log_weight;
    real *momenta;
    i64 count;
} Tree;

typedef struct {                        /* numbers that a chain has learned */
    double potential, step_size, log_step, log_average, error, centre;
    i64 updates, seen, step;
} Learned;

typedef struct {
    /* the posterior: a program that reads `cell`, tells minus the log density, leaves the gradient */
    Steps steps; void **given; char *work; void *gemm; real *cell;
    i64 dim, dense, wide;               /* wide: single uniform numbers are drawn as doubles */

    /* trajectories: doublings at most, or the length if there are none */
    i64 deepest; double length;

    /* the warm-up */
    i64 warmup, learns_step_size, bounds_count; const i64 *bounds; double wanted; const real *kept;

    /* the chain, which moves on: position, gradient, mean; inverse mass, squares */
    Learned now; real *state; Saved *generator;

    /* when to stop: another thread may write to `stop` */
    volatile int32_t *stop; double seconds;

    /* what is told of each draw, and of the last failure */
    double *facts; real *positions, *momenta, *diverged_at, *path; i64 *lengths, room;
    real *failed; double failed_size;

    /* parts of `state`, and working memory */
    real *position, *gradient, *mean, *inverse, *squares, *root, *copy, *before, *after;
    Phase *phases; Tree *trees; i64 phase_count;
} Chain;

typedef struct {                        /* one trajectory */
    Chain *c;
    Twister *random;
    Phase *start, *idle;
    double step_size, accepted;
    i64 count, behind, trouble, strict, diverged;
    real *path, *path_end, *diverged_at;
} Ride;

/* ---- vectors */

static inline double dot(i64 n, const real *a, const real *b) {
    double total = 0;
    #pragma omp simd reduction(+:total)
    for (i64 i = 0; i < n; i++) total += (double)a[i] * b[i];
    return total;
}

static inline void copied(i64 n, real *to, const real *from) {
    memcpy(to, from, (size_t)n * sizeof *to);
}

static inline void moved(i64 n, real *to, const real *from, double by, const real *along) {
    real step = (real)by;
    #pragma omp simd
    for (i64 i = 0; i < n; i++) to[i] = from[i] + step * along[i];
}

static inline double uniform(Ride *r) {
    return r->c->wide ? uniform_double(r->random) : uniform_float(r->random);
}

/* ---- mass */

/* The root of the inverse mass: of its diagonal, or its Cholesky factor. Whether there is one. */
static int find_root(Chain *c) {
    i64 n = c->dim;
    if (!c->dense) {
        for (i64 i = 0; i < n; i++) c->root[i] = (real)sqrt((double)c->inverse[i]);
        return 1;
    }
    for (i64 i = 0; i < n; i++) {
        for (i64 j = 0; j <= i; j++) {
            double rest = c->inverse[i * n + j] - dot(j, c->root + i * n, c->root + j * n);
            if (i == j && !(rest > 0)) return 0;
            c->root[i * n + j] = (real)(i == j ? sqrt(rest) : rest / c->root[j * n + j]);
        }
    }
    return 1;
}

static void draw_momentum(Ride *r, real *out) {
    Chain *c = r->c;
    i64 n = c->dim;
    if (n < 16) {
        double few[16];
        few_normals(r->random, n, few);
        for (i64 i = 0; i < n; i++) out[i] = (real)few[i];
    } else {
        many_normals(r->random, n, out);
    }
    if (!c->dense) {
        for (i64 i = 0; i < n; i++) out[i] /= c->root[i];
        return;
    }
    for (i64 i = n - 1; i >= 0; i--) {              /* transposed root x out = noise */
        double rest = out[i];
        for (i64 j = i + 1; j < n; j++) rest -= (double)c->root[j * n + i] * out[j];
        out[i] = (real)(rest / c->root[i * n + i]);
    }
}

static void find_velocity(const Chain *c, const real *momentum, real *out) {
    i64 n = c->dim;
    if (c->dense) {
        for (i64 i = 0; i < n; i++) out[i] = (real)dot(n, c->inverse + i * n, momentum);
        return;
    }
    #pragma omp simd
    for (i64 i = 0; i < n; i++) out[i] = c->inverse[i] * momentum[i];
}

/* ---- a ride */

static Phase *taken(Ride *r) {
    Phase *phase = r->idle;
    r->idle = phase->next;
    phase->holders = 1;
    return phase;
}

static Phase *held(Phase *phase) { phase->holders++; return phase; }

static void dropped(Ride *r, Phase *phase) {
    if (--phase->holders) return;
    phase->next = r->idle;
    r->idle = phase;
}

static void set_energy(const Chain *c, Phase *phase) {
    find_velocity(c, phase->momentum, phase->velocity);
    phase->energy = phase->potential + dot(c->dim, phase->momentum, phase->velocity) / 2;
}

/* A ride from where the chain is, with a fresh momentum */
static Ride begun(Chain *c, Twister *random, double step_size) {
    Ride r = { .c = c, .random = random, .step_size = step_size };
    for (i64 i = 0; i < c->phase_count; i++) {
        c->phases[i].next = r.idle;
        r.idle = &c->phases[i];
    }
    r.start = taken(&r);
    copied(c->dim, r.start->position, c->position);
    copied(c->dim, r.start->gradient, c->gradient);
    r.start->potential = c->now.potential;
    draw_momentum(&r, r.start->momentum);
    set_energy(c, r.start);
    return r;
}

/* Steps against time are noted from the end of the room, so that all lie in the order of time */
static void note(Ride *r, const real *position, int sign) {
    i64 n = r->c->dim;
    if (!r->path) return;
    if (sign > 0) copied(n, r->path + (r->count - r->behind) * n, position);
    else copied(n, r->path_end - ++r->behind * n, position);
}

/* One leapfrog step in or against the direction of time; NULL if the energy ran away, or in trouble */
static Phase *step_on(Ride *r, const Phase *from, int sign) {
    Chain *c = r->c;
    i64 n = c->dim;
    if (*c->stop) { r->trouble = STOPPED; return NULL; }
    double size = sign * r->step_size;
    Phase *to = taken(r);
    moved(n, to->momentum, from->momentum, -size / 2, from->gradient);
    find_velocity(c, to->momentum, to->velocity);
    moved(n, to->position, from->position, size, to->velocity);
    copied(n, c->cell, to->position);
    int fine = c->steps(1, c->given, c->work, &to->potential, INFINITY, c->gemm) == 1;
    r->count++;
    note(r, to->position, sign);
    if (fine) {
        copied(n, to->gradient, c->cell);
        moved(n, to->momentum, to->momentum, -size / 2, to->gradient);
        set_energy(c, to);
        double error = to->energy - r->start->energy;
        if (error < TOO_FAR) {                      /* false for nan */
            r->accepted += error > 0 ? exp(-error) : 1;
            return to;
        }
    } else if (r->strict && to->potential - r->start->energy < TOO_FAR) {
        r->trouble = NO_GRADIENT;
        copied(n, c->failed, to->position);
    }
    r->diverged = 1;
    if (r->diverged_at) copied(n, r->diverged_at, from->position);
    return NULL;
}
