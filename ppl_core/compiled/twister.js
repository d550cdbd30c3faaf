/* Torch's random stream in JavaScript: see twister.c, which says the same with types. */

class Twister {
    constructor(seed) {
        this.words = new Uint32Array(624);
        this.words[0] = seed >>> 0;
        for (let i = 1; i < 624; i++) {
            const before = this.words[i - 1] ^ (this.words[i - 1] >>> 30);
            this.words[i] = Math.imul(1812433253, before) + i;
        }
        this.next = 624;
        this.spare = null;
    }

    word() {
        if (this.next === 624) this.turn();
        let y = this.words[this.next++];
        y ^= y >>> 11; y ^= (y << 7) & 0x9d2c5680; y ^= (y << 15) & 0xefc60000;
        return (y ^ (y >>> 18)) >>> 0;
    }

    turn() {
        const w = this.words;
        for (let i = 0; i < 624; i++) {
            const y = (w[i] & 0x80000000) | (w[(i + 1) % 624] & 0x7fffffff);
            w[i] = w[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
        }
        this.next = 0;
    }

    float32() { return (this.word() & 0xffffff) / 16777216; }

    float64() {
        const high = this.word(), low = this.word();
        return ((high & 0x1fffff) * 4294967296 + low) / 9007199254740992;
    }

    pair(turn, size) {
        const radius = Math.sqrt(-2 * Math.log(size)), angle = 2 * Math.PI * turn;
        return [radius * Math.cos(angle), radius * Math.sin(angle)];
    }

    fewNormals(out, at, count) {
        for (let i = 0; i < count; i++) {
            if (this.spare !== null) { out[at + i] = this.spare; this.spare = null; continue; }
            const turn = this.float64();
            const [first, second] = this.pair(turn, 1 - this.float64());
            out[at + i] = first; this.spare = second;
        }
    }

    manyNormals(out, at, count, uniform) {
        const eight = (from) => {
            for (let j = from; j < from + 8; j++) {
                const [a, b] = this.pair(out[j + 8], 1 - out[j]);
                out[j] = a; out[j + 8] = b;
            }
        };
        for (let i = 0; i < count; i++) out[at + i] = this[uniform]();
        for (let i = 0; i < count - 15; i += 16) eight(at + i);
        if (count % 16) {
            for (let i = count - 16; i < count; i++) out[at + i] = this[uniform]();
            eight(at + count - 16);
        }
    }

    rows(out, at, size, count) {
        const moved = new Map(), holds = (i) => moved.has(i) ? moved.get(i) : i;
        if (20 * count < size) {
            for (let found = 0; found < count;) {
                const row = this.word() % size;
                if (!moved.has(row)) { moved.set(row, row); out[at + found++] = row; }
            }
            return;
        }
        for (let i = 0; i < size - 1; i++) {
            const j = i + this.word() % (size - i);
            if (i >= count) continue;
            out[at + i] = holds(j);
            moved.set(j, holds(i));
        }
    }
}

const inside = (i, n) => {
    const at = i < 0 ? i + n : i;
    return at < 0 ? 0 : at < n ? at : n - 1;
};

const lgamma = (x) => {         /* recurrence up to 8, then Stirling's series */
    if (Math.abs(x) === Infinity) return Infinity;
    if (x <= 0) return x === Math.floor(x) ? Infinity
        : Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x);
    let shift = 0;
    for (; x < 8; x += 1) shift -= Math.log(x);
    const f = 1 / (x * x);
    const series = (1 / 12 - f * (1 / 360 - f * (1 / 1260 - f / 1680))) / x;
    return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
};

const digamma = (x) => {
    if (x === 0 || x === Infinity) return x === 0 ? -1 / x : x;
    if (x < 0) return x === Math.floor(x) ? NaN : digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
    let total = 0;
    for (; x < 8; x += 1) total -= 1 / x;
    const f = 1 / (x * x);
    const series = f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f / 132))));
    return total + Math.log(x) - 0.5 / x - series;
};

const trigamma = (x) => {      /* its derivative (6.4.6, 6.4.12) */
    if (x <= 0) return (Math.PI / Math.sin(Math.PI * x)) ** 2 - trigamma(1 - x);
    let total = 0;
    for (; x < 8; x += 1) total += 1 / (x * x);
    const f = 1 / (x * x);
    const series = f * (1 / 6 - f * (1 / 30 - f * (1 / 42 - f * (1 / 30 - f * 5 / 66))));
    return total + 1 / x + 0.5 * f + series / x;
};

const m = {
    lgamma, digamma, trigamma, fmod: (x, y) => x % y, isinf: (x) => Math.abs(x) === Infinity,
    exp2: (x) => 2 ** x,
    round: (x) => {             /* halves to the even neighbour */
        const near = Math.round(x);
        return Math.abs(x % 1) === 0.5 && near % 2 ? near - 1 : near;
    },
    erf: (x) => {               /* series (Abramowitz & Stegun 7.1.6), or 1 where it has ended */
        if (Math.abs(x) > 6) return Math.sign(x);
        let term = x, total = x;
        for (let n = 1; n < 120; n++) { term *= 2 * x * x / (2 * n + 1); total += term; }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * total;
    },
    erfc: (x) => {              /* continued fraction (7.1.14), or what erf leaves */
        if (!(x > 2)) return 1 - m.erf(x);
        let below = x;
        for (let k = 60; k; k--) below = x + k / 2 / below;
        return Math.exp(-x * x) / Math.sqrt(Math.PI) / below;
    },
};
for (const name of ['exp', 'log', 'log1p', 'expm1', 'sqrt', 'abs', 'sin', 'cos', 'tan', 'tanh', 'atan',
    'asin', 'acos', 'sinh', 'cosh', 'floor', 'ceil', 'trunc', 'pow', 'atan2', 'log2', 'log10']) {
    m[name] = Math[name];
}
