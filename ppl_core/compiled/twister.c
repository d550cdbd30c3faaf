/* Torch's random stream, word for word: the Mersenne twister (Matsumoto & Nishimura 1998) and what
   torch's normal, uniform and permuted draws make of its words. */

#include <string.h>

typedef struct {            /* as torch writes it into a tensor of bytes */
    uint64_t seed;
    int32_t left, seeded;
    uint64_t next;
    uint64_t words[624];
    double unused, spare, unused_too;
    int32_t holds, rest[3]; /* whether `spare` waits to be drawn; of no use here */
} Saved;

typedef struct {
    uint32_t words[624];
    int32_t left, holds;
    uint32_t next;
    double spare;
} Twister;

static void wake(Twister *t, const Saved *saved) {
    for (int i = 0; i < 624; i++) t->words[i] = (uint32_t)saved->words[i];
    t->left = saved->left; t->next = (uint32_t)saved->next;
    t->holds = saved->holds; t->spare = saved->spare;
}

static void save(const Twister *t, Saved *saved) {
    for (int i = 0; i < 624; i++) saved->words[i] = t->words[i];
    saved->left = t->left; saved->next = t->next;
    saved->holds = t->holds; saved->spare = t->spare;
}

static inline uint32_t twist(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return c ^ (y >> 1) ^ (-(b & 1u) & 0x9908b0dfu);
}

static void turn(Twister *t) {
    uint32_t *w = t->words;
    for (int i = 0; i < 227; i++) w[i] = twist(w[i], w[i + 1], w[i + 397]);
    for (int i = 227; i < 623; i++) w[i] = twist(w[i], w[i + 1], w[i - 227]);
    w[623] = twist(w[623], w[0], w[396]);
    t->left = 624; t->next = 0;
}

static inline uint32_t temper(uint32_t y) {
    y ^= y >> 11; y ^= (y << 7) & 0x9d2c5680u; y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline uint32_t word(Twister *t) {
    if (--t->left == 0) turn(t);
    return temper(t->words[t->next++]);
}

static void some_words(Twister *t, i64 count, uint32_t *out) {
    while (count > 0) {
        if (t->left == 1) { turn(t); t->left = 625; }
        i64 some = t->left - 1 < count ? t->left - 1 : count;
        const uint32_t *from = t->words + t->next;
        #pragma omp simd
        for (i64 i = 0; i < some; i++) out[i] = temper(from[i]);
        t->left -= (int32_t)some; t->next += (uint32_t)some; out += some; count -= some;
    }
}

static void skip(Twister *t, i64 count) {
    while (count > 0) {
        if (t->left == 1) { turn(t); t->left = 625; }
        i64 some = t->left - 1 < count ? t->left - 1 : count;
        t->left -= (int32_t)some; t->next += (uint32_t)some; count -= some;
    }
}

static inline float uniform_float(Twister *t) { return (float)(word(t) & 0xffffffu) * 0x1p-24f; }

static inline double from_words(uint32_t high, uint32_t low) {
    return ((high & 0x1fffffu) * 4294967296.0 + low) * 0x1p-53;
}

static inline double uniform_double(Twister *t) {
    uint32_t high = word(t), low = word(t);
    return from_words(high, low);
}

/* log(x) for 0 < x <= 1, as in mathematics.c, with more terms */
static inline double log_unit(double x) {
    uint64_t bits = double_to_bits(x) + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull);
    double e = (double)((int32_t)(bits >> 52) - 1023);
    double m = bits_to_double((bits & 0xfffffffffffffull) + 0x3fe6a09e667f3bcdull);
    double s = (m - 1) / (m + 1), z = s * s, p = 2. / 23;
    p = p * z + 2. / 21; p = p * z + 2. / 19; p = p * z + 2. / 17; p = p * z + 2. / 15;
    p = p * z + 2. / 13; p = p * z + 2. / 11; p = p * z + 2. / 9; p = p * z + 2. / 7;
    p = p * z + 2. / 5; p = p * z + 2. / 3;
    return p * z * s + 2 * s + e * 0.69314718055994531;
}

/* Box & Muller 1958: two normal numbers from two uniform ones in [0, 1) and (0, 1] */
static inline void box_muller(double turn, double size, double *first, double *second) {
    double radius = sqrt(-2 * log_unit(size));
    double quarter = floor(4 * turn + 0.5), x = 6.283185307179586 * (turn - 0.25 * quarter), z = x * x;
    double s = -1. / 1307674368000, c = 1. / 20922789888000;
    s = s * z + 1. / 6227020800; s = s * z - 1. / 39916800; s = s * z + 1. / 362880;
    s = s * z - 1. / 5040; s = s * z + 1. / 120; s = s * z - 1. / 6; s = s * z * x + x;
    c = c * z - 1. / 87178291200; c = c * z + 1. / 479001600; c = c * z - 1. / 3628800;
    c = c * z + 1. / 40320; c = c * z - 1. / 720; c = c * z + 1. / 24; c = c * z - 0.5; c = c * z + 1;
    int odd = quarter == 1 || quarter == 3;
    double cosine = odd ? s : c, sine = odd ? c : s;
    cosine = quarter == 1 || quarter == 2 ? -cosine : cosine;
    sine = quarter == 2 || quarter == 3 ? -sine : sine;
    *first = radius * cosine; *second = radius * sine;
}

/* Fewer than 16 at a time: pairs in double precision; an odd one out waits */
static void few_normals(Twister *t, i64 count, double *out) {
    double turns[128], sizes[128];
    uint32_t words[512];
    if (t->holds && count) { *out++ = t->spare; t->holds = 0; count--; }
    while (count > 0) {
        i64 pairs = (count + 1) / 2 < 128 ? (count + 1) / 2 : 128;
        some_words(t, 4 * pairs, words);
        #pragma omp simd
        for (i64 i = 0; i < pairs; i++) {
            turns[i] = from_words(words[4 * i], words[4 * i + 1]);
            sizes[i] = 1 - from_words(words[4 * i + 2], words[4 * i + 3]);
        }
        i64 full = 2 * pairs <= count ? pairs : pairs - 1;
        #pragma omp simd
        for (i64 i = 0; i < full; i++) box_muller(turns[i], sizes[i], out + 2 * i, out + 2 * i + 1);
        if (full < pairs) {
            box_muller(turns[full], sizes[full], out + 2 * full, &t->spare);
            t->holds = 1;
        }
        out += 2 * pairs; count -= 2 * pairs;
    }
}

/* 16 or more: eight pairs at a time in the precision asked for; the last 16 are drawn anew */
#define MANY_NORMALS(NAME, T, UNIFORM)                                                             \
static void NAME(Twister *t, i64 count, T *out) {                                                  \
    for (i64 i = 0; i < count; i++) out[i] = UNIFORM(t);                                           \
    for (i64 i = 0; i < count - 15; i += 16)                                                       \
        for (i64 j = i; j < i + 8; j++) {                                                          \
            double a, b; box_muller(out[j + 8], (T)1 - out[j], &a, &b);                            \
            out[j] = (T)a; out[j + 8] = (T)b;                                                      \
        }                                                                                          \
    if (count % 16) {                                                                              \
        out += count - 16;                                                                         \
        for (i64 i = 0; i < 16; i++) out[i] = UNIFORM(t);                                          \
        for (i64 j = 0; j < 8; j++) {                                                              \
            double a, b; box_muller(out[j + 8], (T)1 - out[j], &a, &b);                            \
            out[j] = (T)a; out[j + 8] = (T)b;                                                      \
        }                                                                                          \
    }                                                                                              \
}
MANY_NORMALS(many_float32, float, uniform_float)
MANY_NORMALS(many_float64, double, uniform_double)

/* `count` of `size` rows without replacement; `table` has `size` places, zero before and after */
static void choose_rows(Twister *t, i64 size, i64 count, i64 *out, int32_t *table) {
    if (20 * count < size) {                /* one by one, repeats left out */
        for (i64 found = 0; found < count;) {
            uint32_t row = word(t) % (uint32_t)size;
            if (!table[row]) { table[row] = 1; out[found++] = row; }
        }
        for (i64 i = 0; i < count; i++) table[out[i]] = 0;
        return;
    }
    uint32_t words[256];
    for (i64 first = 0; first < count; first += 256) {  /* the head of a shuffled list */
        i64 some = count - first < 256 ? count - first : 256;
        i64 drawn = first + some < size ? some : size - 1 - first;
        some_words(t, drawn, words);
        #pragma omp simd
        for (i64 i = 0; i < drawn; i++) {   /* words[i] % (size - first - i); doubles are exact here */
            double of = (double)(size - first - i);
            words[i] = (uint32_t)(words[i] - floor(words[i] / of) * of);
        }
        for (i64 i = 0; i < some; i++) {
            i64 here = first + i, j = i < drawn ? here + words[i] : here;
            out[here] = j + table[j];
            table[j] = (int32_t)(here + table[here] - j);
        }
    }
    if (count < size) skip(t, size - 1 - count);        /* its tail */
    memset(table, 0, (size_t)size * sizeof *table);
}
