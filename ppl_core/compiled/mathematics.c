/* Elementary functions that a compiler can run on several rows at once, in plain arithmetic.

   Accurate to about two units in the last place of a float; nan and infinities as in C. Series are
   cut where the next term is below rounding. Nothing here may be reassociated. */

#include <stdint.h>
#include <math.h>

typedef int64_t i64;

static inline float bits_to_float(uint32_t bits) { union { uint32_t u; float f; } x = { bits }; return x.f; }
static inline uint32_t float_to_bits(float value) { union { float f; uint32_t u; } x = { value }; return x.u; }
static inline double bits_to_double(uint64_t bits) { union { uint64_t u; double f; } x = { bits }; return x.f; }
static inline uint64_t double_to_bits(double value) { union { double f; uint64_t u; } x = { value }; return x.u; }

/* exp(x) - 1 for |x| <= ln(2) / 2 */
static inline float small_expm1f(float x) {
    float p = 1.f / 5040;
    p = p * x + 1.f / 720; p = p * x + 1.f / 120; p = p * x + 1.f / 24;
    p = p * x + 1.f / 6; p = p * x + 0.5f;
    return p * x * x + x;
}

/* exp(x) = 2^n exp(r): n whole, r = x - n ln(2), with ln(2) in two parts */
static inline float m_expf(float x) {
    float y = x > 89.f ? 89.f : x;
    y = y < -104.f ? -104.f : y;
    float n = (y * 1.44269504f + 12582912.f) - 12582912.f;
    float r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
    int32_t whole = (int32_t)(n == n ? n : 0.f);
    int32_t half = whole >> 1;
    float scale = bits_to_float((uint32_t)(half + 127) << 23);
    float rest = bits_to_float((uint32_t)(whole - half + 127) << 23);
    return (small_expm1f(r) + 1.f) * scale * rest;
}

/* 2 atanh(s) for |s| <= 0.18: log((1 + s) / (1 - s)) */
static inline float twice_atanhf(float s) {
    float z = s * s, p = 2.f / 9;
    p = p * z + 2.f / 7; p = p * z + 2.f / 5; p = p * z + 2.f / 3;
    return p * z * s + 2.f * s;
}

/* log(x) = e ln(2) + log(m), sqrt(1/2) <= m < sqrt(2); near 1, log(1 + x) from x itself */
static inline float log_from(float x, float shifted, int near) {
    uint32_t bits = float_to_bits(shifted) + (0x3f800000u - 0x3f3504f3u);
    float e = near ? 0.f : (float)((int32_t)(bits >> 23) - 127);
    float m = bits_to_float((bits & 0x7fffffu) + 0x3f3504f3u);
    float over = near ? x : m - 1.f, under = near ? 2.f + x : m + 1.f;
    float y = twice_atanhf(over / under) + e * -2.12194440e-4f + e * 0.693359375f;
    y = shifted > 0.f ? y : (shifted == 0.f ? -INFINITY : NAN);
    return shifted < INFINITY ? y : shifted;
}

static inline float m_logf(float x) { return log_from(x, x, 0); }
static inline float m_log1pf(float x) { return log_from(x, 1.f + x, fabsf(x) < 0.34f); }

static inline float m_expm1f(float x) {
    float near = small_expm1f(x);
    float far = m_expf(x) - 1.f;
    return fabsf(x) < 0.34f ? near : far;
}

static inline float m_tanhf(float x) {
    float t = m_expm1f(-2.f * fabsf(x));
    float y = -t / (t + 2.f);
    return x < 0.f ? -y : y;
}

static inline double m_exp(double x) { return exp(x); }
static inline double m_log(double x) { return log(x); }
static inline double m_log1p(double x) { return log1p(x); }
static inline double m_expm1(double x) { return expm1(x); }
static inline double m_tanh(double x) { return tanh(x); }

/* Recurrence up to 8, then the asymptotic series (Abramowitz & Stegun 6.3.5, 6.3.18) */
static inline double m_digamma(double x) {
    double total = 0;
    if (x == 0) return copysign(INFINITY, -x);
    if (x == INFINITY) return x;
    if (x < 0) {
        if (x == floor(x)) return NAN;
        total = -M_PI / tan(M_PI * x);
        x = 1 - x;
    }
    while (x < 8) { total -= 1 / x; x += 1; }
    double f = 1 / (x * x);
    double series = f * (1. / 12 - f * (1. / 120 - f * (1. / 252 - f * (1. / 240 - f / 132))));
    return total + log(x) - 0.5 / x - series;
}

/* The same for its derivative (6.4.6, 6.4.12) */
static inline double m_trigamma(double x) {
    double total = 0;
    if (x <= 0) {
        double s = M_PI / sin(M_PI * x);
        return s * s - m_trigamma(1 - x);
    }
    while (x < 8) { total += 1 / (x * x); x += 1; }
    double f = 1 / (x * x);
    double series = f * (1. / 6 - f * (1. / 30 - f * (1. / 42 - f * (1. / 30 - f * 5 / 66))));
    return total + 1 / x + 0.5 * f + series / x;
}

static inline float m_digammaf(float x) { return (float)m_digamma(x); }
static inline float m_trigammaf(float x) { return (float)m_trigamma(x); }

/* The larger and the smaller of two numbers; nan if either is */
#define EXTREME(NAME, T, SIGN) \
static inline T NAME(T a, T b) { T best = a SIGN b ? a : b; return a != a ? a : best; }
EXTREME(m_maximumf, float, >) EXTREME(m_maximum, double, >) EXTREME(m_maximumi, i64, >)
EXTREME(m_minimumf, float, <) EXTREME(m_minimum, double, <) EXTREME(m_minimumi, i64, <)
