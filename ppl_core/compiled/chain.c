/* Hamiltonian chains, 3 of 3: what a warm-up learns (infer/adaptation.py), and many steps in one
   call. */

#include <time.h>

static int is_small(Chain *c, Twister *random, double size) {
    Ride r = begun(c, random, size);
    return step_on(&r, r.start, 1) && r.accepted > 0.8;
}

/* Double or halve the step size until one leapfrog step is accepted with about 80 % */
static i64 find_step_size(Chain *c, Twister *random) {
    double size = c->now.step_size;
    int grow = is_small(c, random, size);
    do {
        if (*c->stop) return STOPPED;
        c->failed_size = size = grow ? size * 2 : size / 2;
        if (!(1e-10 < size && size < 1e10)) return grow ? TOO_LARGE : TOO_SMALL;
    } while (is_small(c, random, size) == grow);
    c->now.step_size = size;
    return FINE;
}

static void update_step_size(Chain *c, double accept_prob) {
    Learned *l = &c->now;
    double count = (double)++l->updates, share = 1 / (count + 10), weight = pow(count, -0.75);
    l->error = (1 - share) * l->error + share * (c->wanted - accept_prob);
    l->log_step = l->centre - l->error * sqrt(count) / 0.05;
    l->log_average = weight * l->log_step + (1 - weight) * l->log_average;
    l->step_size = exp(l->step == c->warmup ? l->log_average : l->log_step);
}

static void see_position(Chain *c) {
    i64 n = c->dim, products = c->dense ? n * n : n;
    if (!c->now.seen) {
        for (i64 i = 0; i < n; i++) c->mean[i] = 0;
        for (i64 i = 0; i < products; i++) c->squares[i] = 0;
    }
    real count = (real)++c->now.seen;
    for (i64 i = 0; i < n; i++) {
        c->before[i] = c->position[i] - c->mean[i];
        c->mean[i] += c->before[i] / count;
        c->after[i] = c->position[i] - c->mean[i];
        if (!c->dense) c->squares[i] += c->before[i] * c->after[i];
    }
    for (i64 i = 0; i < n && c->dense; i++)
        moved(n, c->squares + i * n, c->squares + i * n, c->before[i], c->after);
}

static i64 learn_mass(Chain *c, Twister *random) {
    i64 n = c->dim, products = c->dense ? n * n : n;
    double count = (double)c->now.seen, share = count / (count + 5), scale = share / (count - 1);
    for (i64 i = 0; i < products; i++) {
        int variance = !c->dense || i % (n + 1) == 0;
        c->inverse[i] = (real)(c->squares[i] * scale + (variance ? 1e-3 * (1 - share) : 0));
        if (c->kept) c->inverse[i] *= c->kept[i];
    }
    c->now.seen = 0;
    if (!find_root(c)) return NO_ROOT;
    if (!c->learns_step_size) return FINE;
    i64 trouble = find_step_size(c, random);
    c->now.log_step = log(c->now.step_size);
    c->now.centre = log(10 * c->now.step_size);
    c->now.log_average = c->now.error = 0;
    c->now.updates = 0;
    return trouble;
}

static i64 learn(Chain *c, Twister *random, double accept_prob) {
    if (c->now.step >= c->warmup) return FINE;
    i64 step = ++c->now.step, windows = c->bounds_count;
    if (c->learns_step_size) update_step_size(c, accept_prob);
    if (!windows || step <= c->bounds[0] || step > c->bounds[windows - 1]) return FINE;
    see_position(c);
    for (i64 i = 1; i < windows; i++)
        if (step == c->bounds[i]) return learn_mass(c, random);
    return FINE;
}

/* ---- a step of the chain */

/* Bring the part of a trajectory that ran against time before the other one */
static void put_in_order(Ride *r, i64 draw) {
    Chain *c = r->c;
    i64 n = c->dim, ahead = r->count + 1 - r->behind;
    real *behind = r->path_end - r->behind * n;
    memmove(c->path + r->behind * n, c->path, (size_t)(ahead * n) * sizeof *c->path);
    memmove(c->path, behind, (size_t)(r->behind * n) * sizeof *c->path);
    c->lengths[draw] = r->count + 1;
    c->path += (r->count + 1) * n;
    c->room -= r->count + 1;
}

static i64 one_draw(Chain *c, Twister *random, i64 draw) {
    i64 n = c->dim;
    double accept_prob, depth = 0, *facts = c->facts + 7 * draw;
    Ride r = begun(c, random, c->now.step_size);
    r.strict = c->now.step >= c->warmup;
    r.diverged_at = c->diverged_at + draw * n;
    copied(n, c->momenta + draw * n, r.start->momentum);
    if (c->path) {
        r.path = c->path;
        r.path_end = c->path + c->room * n;
        copied(n, r.path, c->position);
    }
    Phase *chosen = c->deepest ? ride_until_it_turns(&r, &accept_prob, &depth)
                               : ride_far(&r, &accept_prob);
    if (r.trouble) return r.trouble;
    copied(n, c->position, chosen->position);
    copied(n, c->gradient, chosen->gradient);
    copied(n, c->positions + draw * n, chosen->position);
    c->now.potential = chosen->potential;
    facts[0] = accept_prob; facts[1] = chosen->energy; facts[2] = chosen->potential;
    facts[3] = r.step_size; facts[4] = (double)r.count; facts[5] = (double)r.diverged;
    facts[6] = depth;
    if (c->path) put_in_order(&r, draw);
    return learn(c, random, accept_prob);
}

/* ---- many steps */

/* Room for the positions of the next trajectory, if they are kept: twice, to put them in order */
static double room_needed(const Chain *c) {
    if (!c->path) return 0;
    return 2 * (c->deepest ? ldexp(1, (int)c->deepest) : c->length / c->now.step_size + 2);
}

static i64 state_size(const Chain *c) {
    return 3 * c->dim + 2 * (c->dense ? c->dim * c->dim : c->dim);
}

/* Working memory for the largest tree, in one piece to be freed; NULL if there is too little */
static void *lay_out(Chain *c) {
    i64 n = c->dim, products = c->dense ? n * n : n, trees = c->deepest + 2;
    c->phase_count = 3 * trees + 2;
    size_t heads = (size_t)c->phase_count * sizeof(Phase) + (size_t)trees * sizeof(Tree);
    i64 reals = state_size(c) + products + 2 * n + (4 * c->phase_count + trees) * n;
    char *memory = malloc(heads + (size_t)reals * sizeof(real));
    if (!memory) return NULL;
    c->phases = (Phase *)memory;
    c->trees = (Tree *)(c->phases + c->phase_count);
    real *next = (real *)(c->trees + trees);
    c->copy = next; next += state_size(c);
    c->root = next; next += products;
    c->before = next; next += n;
    c->after = next; next += n;
    for (i64 i = 0; i < c->phase_count; i++, next += 4 * n)
        c->phases[i] = (Phase){ next, next + n, next + 2 * n, next + 3 * n };
    for (i64 i = 0; i < trees; i++, next += n) c->trees[i].momenta = next;
    c->position = c->state; c->gradient = c->state + n; c->mean = c->state + 2 * n;
    c->inverse = c->state + 3 * n; c->squares = c->inverse + products;
    return memory;
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Take up to `draws` steps; `done` of them were taken. A step that cannot be finished leaves the
   chain where it was. Returns how the call ended, FINE or STOPPED or what went wrong. */
i64 advance(Chain *c, i64 draws, i64 *done) {
    Twister random, random_before;
    double end = seconds_now() + c->seconds;
    *done = 0;
    void *memory = lay_out(c);
    if (!memory) return NO_MEMORY;
    unsigned mode = flush_denormals();
    wake(&random, c->generator);
    i64 trouble = find_root(c) ? FINE : NO_ROOT;
    while (*done < draws && !trouble) {
        if (*c->stop || room_needed(c) > (double)c->room) { trouble = STOPPED; break; }
        int warming = c->now.step < c->warmup;
        Learned before = c->now;
        random_before = random;
        if (warming) copied(state_size(c), c->copy, c->state);
        trouble = one_draw(c, &random, *done);
        if (trouble) {
            c->now = before;
            random = random_before;
            if (warming) copied(state_size(c), c->state, c->copy);
        } else if (++*done < draws && seconds_now() > end) {
            trouble = STOPPED;
        }
    }
    save(&random, c->generator);
    restore_denormals(mode);
    free(memory);
    return trouble;
}

/* What a program makes of each of many rows; how many, up to the first one that is not finite */
i64 map_rows(Steps steps, void **given, char *work, void *gemm, i64 rows,
             const char *from, char *in, i64 in_bytes, char *to, const char *out, i64 out_bytes) {
    double unused;
    unsigned mode = flush_denormals();
    i64 row = 0;
    for (; row < rows; row++) {
        memcpy(in, from + row * in_bytes, (size_t)in_bytes);
        if (steps(1, given, work, &unused, INFINITY, gemm) != 1) break;
        memcpy(to + row * out_bytes, out, (size_t)out_bytes);
    }
    restore_denormals(mode);
    return row;
}

i64 size_of_chain(void) { return (i64)sizeof(Chain); }
