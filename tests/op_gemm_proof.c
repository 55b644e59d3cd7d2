/* Every kernel this machine can run, for every multiplier it says it serves and in both roles, against the rule of
 * kernels/sum.h bit for bit, and that rule against the definition of gemm.h and sums in double precision.
 * APPROXRUN_LONG_TESTS=1: 10^7 random products a kernel, and all pairs of fractions up to m = 11. */
#include "gemm_kernel.h"

static int long_form(void)
{
    const char *set = getenv("APPROXRUN_LONG_TESTS");
    return set && strcmp(set, "1") == 0;
}

/* --- random operands ---------------------------------------------------------------------------------------------- */

/* Exponents 1..254 of an operand; 255 is Inf or NaN. */
typedef struct {
    uint32_t low, high;
} exponents;

typedef struct {
    exponents row, lane;
} regime;

static uint32_t some_fraction(void)
{
    uint32_t bit = 1u << draw() % 23;
    switch (draw() % 8) {
    case 0: return 0x7fffffu;
    case 1: return 0;
    case 2: return bit;
    case 3: return 0x7fffffu & (draw() % 2 ? ~bit : ~(bit - 1));
    default: return draw() & 0x7fffffu;
    }
}

/* One in `zeros` is +-0 or a subnormal. */
static float some_operand(exponents e, uint32_t zeros)
{
    uint32_t sign = draw() & 0x80000000u, fraction = some_fraction();
    if (draw() % zeros == 0) return ax_float(sign | (draw() % 2 ? fraction : 0));
    return ax_float(sign | (e.low + draw() % (e.high - e.low + 1)) << 23 | fraction);
}

/* Must every kernel do it? Operands are below 2^127 and products, with a carry, below 2^128. */
static int is_ordinary(regime g)
{
    return g.row.high <= 253 && g.lane.high <= 253 && g.row.high + g.lane.high + 1 <= 254 + 127;
}

/* Ranges, then one exponent on each side so that products lie within 2^+-3 of the largest float, or of the smallest. */
enum { RANGES = 10, REGIMES = RANGES + 4 };

static regime regime_of(int i)
{
    static const regime ranges[RANGES] = {
        {{118, 134}, {118, 134}}, {{66, 185}, {66, 185}},  {{50, 76}, {50, 76}}, {{1, 20}, {100, 250}}, {{100, 250}, {1, 20}},
        {{190, 253}, {60, 127}},  {{60, 127}, {190, 253}}, {{1, 126}, {1, 253}}, {{1, 254}, {1, 254}},  {{1, 255}, {1, 255}},
    };
    if (i < RANGES) return ranges[i];
    uint32_t sum = (i < RANGES + 2 ? 381 : 127) - 3 + draw() % 7, least_row = sum > 255 ? sum - 255 : 1;
    uint32_t row = least_row + draw() % ((sum > 255 ? 255 : sum - 1) - least_row + 1), lane = sum - row;
    return (regime){{row, row}, {lane, lane}};
}

/* Any size up to beyond a group and two panels, sums of any number of terms about which a kernel may think, within `budget`. */
static trial some_shape(const ax_gemm_kernel *kernel, ax_gemm_side side, int64_t budget)
{
    const int64_t lengths[] = {1,
                               2,
                               3,
                               1 + draw() % 40,
                               16 * (1 + draw() % 4),
                               33,
                               kernel->block - 1,
                               kernel->block,
                               kernel->block + 1,
                               2 * kernel->block + 1};
    int64_t ks = lengths[draw() % (sizeof lengths / sizeof *lengths)], most = budget / ks + 1;
    int64_t rows = 1 + draw() % (uint32_t)least(most, kernel->group + 20);
    int64_t lanes = 1 + draw() % (uint32_t)least(most, 2 * kernel->panel + 20);
    if (draw() % 2)
        rows = least(rows, most / lanes + 1);
    else
        lanes = least(lanes, most / rows + 1);
    return new_trial(kernel, side, rows, lanes, ks);
}

static void fill(const trial *t, regime g)
{
    uint32_t zeros = draw() % 2 ? 8 : 200;
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t k = 0; k < t->ks; k++) t->x[x_at(t, r, k)] = some_operand(g.row, zeros);
    for (int64_t k = 0; k < t->ks; k++)
        for (int64_t l = 0; l < t->lanes; l++) t->y[y_at(t, k, l)] = some_operand(g.lane, zeros);
}

/* Returns how many products the kernel made itself: all of ordinary operands. */
static int64_t check(const trial *t, const char *what, int ordinary)
{
    int64_t made = make_sums(t);
    make_wanted(t);
    compare(t, what);
    if (ordinary && made < t->rows * t->lanes * t->ks) fail_msg("%s: %s: declines ordinary operands", t->kernel->name, what);
    return made;
}

/* Every pair of fractions of m <= 11 bits, or some rows of them, at any place of a sum of up to 3 products, all others 0. */
static void check_pairs(proof *p, ax_gemm_side side, const char *what)
{
    int m = side.plan->lut.width;
    if (m > AX_TABLE_MAX_WIDTH) return;
    int64_t all = 1 << m, rows = long_form() || m <= 7 ? all : 20, ks = 1 + draw() % 3, at = draw() % ks;
    trial t = new_trial(p->kernel, side, rows, all, ks);
    fill(&t, regime_of(1));
    uint32_t first = draw();
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t k = 0; k < ks; k++) t.x[x_at(&t, r, k)] = ax_float(draw() & 0x80000000u);
        float *x = t.x + x_at(&t, r, at);
        uint32_t fraction = (first + (uint32_t)r) % (uint32_t)all << (23 - m), low = some_fraction() >> m;
        *x = ax_float((draw() & 0x80000000u) | (66 + draw() % 120) << 23 | fraction | low);
    }
    for (int64_t l = 0; l < all; l++)
        t.y[y_at(&t, at, l)] =
            ax_float((draw() & 0x80000000u) | (66 + draw() % 120) << 23 | (uint32_t)l << (23 - m) | some_fraction() >> m);
    p->pairs += check(&t, what, 1) / ks;
    release_trial(&t);
}

static float with_fraction(int64_t fraction)
{
    uint32_t within = fraction < 0 ? 0 : fraction > 0x7fffff ? 0x7fffff : (uint32_t)fraction;
    return ax_float((draw() & 0x80000000u) | (66 + draw() % 120) << 23 | within);
}

/* A fraction by all whose sum with it lies within two units of a multiple of 1/128, and by those whose product is about 2:
 * where a carry, or a constant that is added, may go wrong. */
static void check_brinks(proof *p, ax_gemm_side side, const char *what)
{
    enum { SUMS = 128, NEAR = 5 };
    const int64_t one = 1 << 23, unit = 1 << (23 - side.plan->lut.width);
    for (int i = 0; i < 8; i++) {
        trial t = new_trial(p->kernel, side, 1 + draw() % 3, (SUMS + 1) * NEAR, 1);
        int64_t fraction = some_fraction();
        for (int64_t r = 0; r < t.rows; r++) t.x[x_at(&t, r, 0)] = with_fraction(fraction);
        for (int64_t l = 0; l < t.lanes; l++) {
            int64_t sum = round_up(fraction, one / SUMS) + l / NEAR * (one / SUMS);
            int64_t other = l / NEAR < SUMS ? sum - fraction : 2 * one * one / (one + fraction) - one;
            t.y[y_at(&t, 0, l)] = with_fraction(other + (l % NEAR - NEAR / 2) * unit);
        }
        p->made += check(&t, what, 1);
        release_trial(&t);
    }
}

static void check_regimes(proof *p, ax_gemm_side side, const char *what, int64_t budget)
{
    for (int i = 0; i < REGIMES; i++) {
        regime g = regime_of(i);
        trial t = some_shape(p->kernel, side, budget);
        fill(&t, g);
        int64_t made = check(&t, what, is_ordinary(g));
        p->made += made;
        p->declined += t.rows * t.lanes * t.ks - made;
        release_trial(&t);
    }
}

/* --- every kernel by every multiplier ----------------------------------------------------------------------------- */

typedef void (*check_side)(proof *p, ax_gemm_side side, const subject *s);

/* What `check_one` says of every kernel by every multiplier and role it serves. */
static void each_side(proof *kernels, int n, check_side check_one)
{
    subject subjects[SUBJECTS_MAX];
    int count = list_subjects(subjects);
    for (int s = 0; s < count; s++) {
        mult t = build(&subjects[s]);
        for (int role = 0; role < 2; role++)
            for (int i = 0; i < n; i++)
                if (kernels[i].kernel->serves(&t.plan, role))
                    check_one(&kernels[i], (ax_gemm_side){&t.plan, role}, &subjects[s]);
        release(&t);
    }
}

static void first_pass(proof *p, ax_gemm_side side, const subject *s)
{
    p->served++;
    check_pairs(p, side, source_names[s->source]);
    if (s->m > 7) check_brinks(p, side, source_names[s->source]);
    check_regimes(p, side, source_names[s->source], 2000);
}

static void long_pass(proof *p, ax_gemm_side side, const subject *s)
{
    int64_t enough = p->made + p->quota;
    while (p->quota > 0 && p->made < enough) check_regimes(p, side, source_names[s->source], 40000);
}

static void sums_have_the_bits_of_the_rule(void **state)
{
    static proof kernels[KERNELS_MAX];
    const int64_t least_made = long_form() ? 10000000 : 100000;
    int n = list_kernels(kernels);
    (void)state;
    each_side(kernels, n, first_pass);
    for (int i = 0; i < n; i++) {
        if (!kernels[i].served) fail_msg("%s serves none of the multipliers here: add one", kernels[i].kernel->name);
        if (kernels[i].made < least_made) kernels[i].quota = (least_made - kernels[i].made) / kernels[i].served + 1;
    }
    each_side(kernels, n, long_pass);
    for (int i = 0; i < n; i++) {
        printf("%-18s %9lld pairs of fractions, %8lld random products equal, %7lld declined; %3d multipliers and roles\n",
               kernels[i].kernel->name, (long long)kernels[i].pairs, (long long)kernels[i].made, (long long)kernels[i].declined,
               kernels[i].served);
        assert_true(kernels[i].made >= least_made);
    }
}

/* --- sums in double precision -------------------------------------------------------------------------------------- */

/* f(x, y) before flushing: 24 bits, or 48 of fp32. */
static double exact_product(const ax_lut_view *v, float x, float y)
{
    uint32_t a = ax_bits(x), b = ax_bits(y), ea = a >> 23 & 255, eb = b >> 23 & 255;
    if (ea == 0 || eb == 0) return 0.0;
    if (v->native) return (double)x * (double)y;
    uint32_t word = ax_word(v, a, b), significand = 1u << 23 | (word & 0x7fffffu);
    double size = ldexp((double)significand, (int)(ea + eb + (word >> 23)) - 254 - 23);
    return (a ^ b) >> 31 ? -size : size;
}

/* n additions rounded to 24 bits are off by gamma(n) = n u / (1 - n u) of the sum of magnitudes, u = 2^-24 (Higham, Accuracy
 * and Stability of Numerical Algorithms, 2nd ed., section 4.2); each of n products and n sums loses less than 2^-126 if
 * flushed. */
static void check_bound(proof *p, ax_gemm_side side, const subject *s)
{
    for (int i = 0; i < 5; i++) {
        trial t = some_shape(p->kernel, side, 500);
        fill(&t, regime_of(i));
        make_sums(&t);
        double nu = (double)t.ks * 0x1p-24, gamma = nu / (1 - nu) + (double)t.ks * 0x1p-52;
        for (int64_t r = 0; r < t.rows; r++)
            for (int64_t l = 0; l < t.lanes; l++) {
                double sum = 0, size = 0;
                for (int64_t k = 0; k < t.ks; k++) {
                    float x = t.x[x_at(&t, r, k)], y = t.y[y_at(&t, k, l)];
                    double product = side.role ? exact_product(&side.plan->lut, y, x) : exact_product(&side.plan->lut, x, y);
                    sum += product, size += fabs(product);
                }
                double error = fabs((double)t.sums[r * t.ld + l] - sum);
                if (!(error <= gamma * size + 2 * (double)t.ks * 0x1p-126 * (1 + gamma)))
                    fail_msg("%s: %s of %d bits, role %d: a sum of %lld is %g off; its magnitudes add to %g", t.kernel->name,
                             source_names[s->source], side.plan->lut.width, side.role, (long long)t.ks, error, size);
            }
        release_trial(&t);
    }
}

static void sums_are_within_the_bound_of_their_rounding(void **state)
{
    static proof kernels[KERNELS_MAX];
    (void)state;
    each_side(kernels, list_kernels(kernels), check_bound);
}

/* --- changed tables ------------------------------------------------------------------------------------------------ */

/* Rows of products of one term, 1 <= x, y < 2: a window of the fractions of the operand in rows by all of the other. */
enum { WINDOW = 128 };

typedef struct {
    const ax_gemm_kernel *kernel;
    int role;
    trial before;
} watched;

static trial products_of_window(const ax_gemm_kernel *kernel, ax_gemm_side side, uint32_t first)
{
    int m = side.plan->lut.width;
    trial t = new_trial(kernel, side, least(1 << m, WINDOW), 1 << m, 1);
    for (int64_t r = 0; r < t.rows; r++) t.x[x_at(&t, r, 0)] = ax_float(127u << 23 | (first + (uint32_t)r) << (23 - m));
    for (int64_t l = 0; l < t.lanes; l++) t.y[y_at(&t, 0, l)] = ax_float(127u << 23 | (uint32_t)l << (23 - m));
    make_sums(&t);
    return t;
}

/* Flips the lowest bit of a word, and of all that must be equal to it; makes a row of a sum that of another. */
static void change_table(mult *t, const subject *s, uint32_t i, uint32_t j)
{
    uint32_t side = 1u << s->m, other = (i + 1 + draw() % (side - 1)) % side;
    if (s->source == NOISE) {
        int dead_a = s->m - s->live[0], dead_b = s->m - s->live[1];
        for (uint32_t e = 0; e < side * side; e++) {
            int equal = (e >> s->m ^ i) >> dead_a == 0 && ((e & (side - 1)) ^ j) >> dead_b == 0;
            if (equal) t->words[e] ^= 1u << (23 - s->out_bits);
        }
    } else if (s->source == FAMILY)
        t->words[i << s->m | j] ^= 1u << (23 - s->out_bits);
    else
        memcpy(t->words + (i << s->m), t->words + (other << s->m), side * sizeof *t->words);
}

/* Where a word of the window changed, and only there, a product did, and is the new word's. */
static void assert_changed(const watched *w, const uint32_t *old, const mult *t, uint32_t first)
{
    trial after = products_of_window(w->kernel, (ax_gemm_side){&t->plan, w->role}, first);
    int m = t->view.width;
    for (uint32_t r = 0; r < (uint32_t)after.rows; r++)
        for (uint32_t l = 0; l < (uint32_t)after.lanes; l++) {
            uint32_t e = w->role ? l << m | (first + r) : (first + r) << m | l;
            uint32_t was = ax_bits(w->before.sums[r * w->before.ld + l]), is = ax_bits(after.sums[r * after.ld + l]);
            if (was != 0x3f800000u + old[e] || is != 0x3f800000u + t->words[e])
                fail_msg("%s: %d bits, role %d: word %x is %06x and was %06x; the product is %08x and was %08x",
                         w->kernel->name, m, w->role, e, t->words[e], old[e], is, was);
        }
    release_trial(&after);
}

/* The products of all kernels and roles that serve the plan, around a word. */
static int watch(watched *seen, const proof *kernels, int n, const ax_plan *plan, const uint32_t place[2])
{
    int count = 0;
    for (int role = 0; role < 2; role++)
        for (int i = 0; i < n; i++) {
            const ax_gemm_kernel *kernel = kernels[i].kernel;
            if (!kernel->add || !kernel->serves(plan, role)) continue;
            trial t = products_of_window(kernel, (ax_gemm_side){plan, role}, place[role] / WINDOW * WINDOW);
            seen[count++] = (watched){kernel, role, t};
        }
    return count;
}

/* Returns how many kernels and roles were seen to change: others serve no longer, as the table is not what it was. */
static int watch_change(const subject *s, const proof *kernels, int n)
{
    watched seen[2 * KERNELS_MAX];
    int changed = 0;
    mult t = build(s);
    t.view.model = NULL, t.view.direct = -1; /* as from a file: words alone count */
    analyse(&t);
    uint32_t place[2] = {draw() % (1u << s->m), draw() % (1u << s->m)};
    int count = watch(seen, kernels, n, &t.plan, place);
    uint32_t *old = new_words(s->m);
    memcpy(old, t.words, sizeof *old << 2 * s->m);
    change_table(&t, s, place[0], place[1]);
    analyse(&t);
    for (int w = 0; w < count; w++) {
        if (seen[w].kernel->serves(&t.plan, seen[w].role)) {
            assert_changed(&seen[w], old, &t, place[seen[w].role] / WINDOW * WINDOW);
            changed++;
        }
        release_trial(&seen[w].before);
    }
    free(old);
    release(&t);
    return changed;
}

static void a_changed_table_changes_the_products_it_must_and_no_others(void **state)
{
    static proof kernels[KERNELS_MAX];
    subject subjects[SUBJECTS_MAX];
    int count = list_subjects(subjects), n = list_kernels(kernels), changes = 0, tables = 0;
    (void)state;
    for (int s = 0; s < count; s++) {
        if (subjects[s].m > AX_TABLE_MAX_WIDTH) continue;
        changes += watch_change(&subjects[s], kernels, n);
        tables++;
    }
    if (changes < tables && n > 1) fail_msg("%d kernels and roles by %d tables were seen to change", changes, tables);
}

int main(void)
{
    rng_state = 20241124;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_have_the_bits_of_the_rule),
        cmocka_unit_test(sums_are_within_the_bound_of_their_rounding),
        cmocka_unit_test(a_changed_table_changes_the_products_it_must_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
