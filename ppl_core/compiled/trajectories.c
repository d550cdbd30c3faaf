/* Hamiltonian chains, 2 of 3: how a ride ends, and which of its points is drawn (infer/hmc.py and
   nuts.py). */

/* A trajectory of given length, whose end is accepted or refused */
static Phase *ride_far(Ride *r, double *accept_prob) {
    Phase *end = held(r->start);
    double most = r->c->length / r->step_size + 1e-9; /* 3 * 0.7 / 0.7 is below 3 */
    *accept_prob = 0;
    for (i64 i = 0; i < 1 || (double)(i + 1) <= most; i++) {
        Phase *ahead = step_on(r, end, 1);
        if (!ahead) return r->start;
        dropped(r, end);
        end = ahead;
    }
    double gain = r->start->energy - end->energy;
    *accept_prob = exp(gain < 0 ? gain : 0);
    return uniform(r) < *accept_prob ? end : r->start;
}

/* ---- NUTS. Trees are told by the direction in which they grew: all below is the same in both. */

static int accepts(Ride *r, double log_ratio) {
    return log_ratio >= 0 || uniform(r) < exp(log_ratio);
}

static double log_add(double a, double b) {
    double high = a > b ? a : b, low = a > b ? b : a;
    return high + log1p(exp(low - high));
}

/* Whether an end of a stretch no longer moves along the sum of its momenta, given in two parts */
static int turns_back(i64 n, const real *some, const real *rest, const Phase *a, const Phase *b) {
    real along_a = 0, along_b = 0;
    const real *velocity_a = a->velocity, *velocity_b = b->velocity;
    #pragma omp simd reduction(+:along_a, along_b)
    for (i64 i = 0; i < n; i++) {
        real momenta = some[i] + rest[i];
        along_a += momenta * velocity_a[i];
        along_b += momenta * velocity_b[i];
    }
    return along_a <= 0 || along_b <= 0;
}

static void leaf(Ride *r, Phase *phase, Tree *tree) {
    tree->inner = phase;
    tree->outer = held(phase);
    tree->chosen = held(phase);
    tree->log_weight = r->start->energy - phase->energy;
    tree->count = 1;
    copied(r->c->dim, tree->momenta, phase->momentum);
}

/* Let a stretch take in the one beyond its outer end, but not its chosen point; whether they run
   straight together */
static int joined(Ride *r, Tree *near, Tree *far) {
    i64 n = r->c->dim;
    int bent = turns_back(n, near->momenta, far->momenta, near->inner, far->outer);
    if (!bent && (near->count > 1 || far->count > 1))
        bent = turns_back(n, near->momenta, far->inner->momentum, near->inner, far->inner)
            || turns_back(n, far->momenta, near->outer->momentum, near->outer, far->outer);
    moved(n, near->momenta, near->momenta, 1, far->momenta);
    near->log_weight = log_add(near->log_weight, far->log_weight);
    near->count += far->count;
    dropped(r, near->outer);
    dropped(r, far->inner);
    near->outer = far->outer;
    return !bent;
}

/* The point that is drawn from a stretch: its own, or the one of the stretch that it took in */
static void choose(Ride *r, Tree *tree, Tree *taken_in, int other) {
    dropped(r, other ? tree->chosen : taken_in->chosen);
    if (other) tree->chosen = taken_in->chosen;
}

/* The 2^depth points beyond an end; whether they neither diverge nor turn back among themselves */
static int grown(Ride *r, const Phase *end, int sign, i64 depth, Tree *tree) {
    if (depth == 0) {
        Phase *next = step_on(r, end, sign);
        if (next) leaf(r, next, tree);
        return next != NULL;
    }
    Tree *far = &r->c->trees[depth + 1];
    if (!grown(r, end, sign, depth - 1, tree)) return 0;
    if (!grown(r, tree->outer, sign, depth - 1, far)) return 0;
    if (!joined(r, tree, far)) return 0;
    choose(r, tree, far, accepts(r, far->log_weight - tree->log_weight));
    return 1;
}

/* Double the trajectory until it turns back */
static Phase *ride_until_it_turns(Ride *r, double *accept_prob, double *depth) {
    Tree *whole = &r->c->trees[0], *new = &r->c->trees[1];
    i64 doublings = 0;
    int facing = 1, straight = 1;
    leaf(r, held(r->start), whole);
    while (straight && doublings < r->c->deepest) {
        int sign = uniform(r) < 0.5 ? 1 : -1;
        if (sign != facing) {
            Phase *first = whole->inner;
            whole->inner = whole->outer; whole->outer = first;
            facing = sign;
        }
        if (!grown(r, whole->outer, sign, doublings++, new)) break;
        double log_ratio = new->log_weight - whole->log_weight;
        straight = joined(r, whole, new);
        choose(r, whole, new, accepts(r, log_ratio));
    }
    *accept_prob = r->accepted / (r->count > 1 ? (double)r->count : 1);
    *depth = (double)doublings;
    return whole->chosen;
}
