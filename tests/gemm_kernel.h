/* What the proof of the kernels runs: multipliers of every kind, and one kernel driven by itself, by its own geometry, whether
 * it would be chosen or not; its sums compared with the rule of kernels/sum.h bit for bit. */
#ifndef AX_TESTS_GEMM_KERNEL_H
#define AX_TESTS_GEMM_KERNEL_H

#include "gemm.h"

#include "kernels/cpu/gemm.h"

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* The control bits of the floating-point unit: rounding, flushing, masks. */
static inline unsigned control(void)
{
#ifdef __SSE2__
    return _mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK;
#else
    return 0;
#endif
}

/* --- multipliers ------------------------------------------------------------------------------------------------- */

enum source { NOISE, SUM, LOPSIDED, FAMILY, FORMLESS, NATIVE };

typedef struct {
    enum source source;
    int m, out_bits;
    int live[2]; /* NOISE: leading bits of each operand that matter */
    int family;
} subject;

static const char *const source_names[] = {
    "random table", "random sum", "sum that carries on one side", "family", "family of no known form", "fp32"};

/* Random words of which one in eight is at an end of the range, the same for all operands of equal leading bits. */
static inline void fill_noise(uint32_t *words, const subject *s)
{
    uint32_t mask = ~0u << (23 - s->out_bits) & 0xffffffu;
    int dead_a = s->m - s->live[0], dead_b = s->m - s->live[1];
    for (uint32_t e = 0; e < 1u << 2 * s->m; e++) {
        uint32_t i = e >> s->m, j = e & ((1u << s->m) - 1), leader = i >> dead_a << dead_a << s->m | j >> dead_b << dead_b;
        uint32_t word = draw() % 8 ? draw() : draw() & 0x800000u ? 0x7fffffu : 0;
        words[e] = leader == e ? (word ^ (draw() & 0x800000u)) & mask : words[leader];
    }
}

/* Words alpha(i) + beta(j); LOPSIDED: alpha alone, with carries of its own. */
static inline void fill_sum(uint32_t *words, const subject *s)
{
    uint32_t alpha[1 << AX_TABLE_MAX_WIDTH], beta[1 << AX_TABLE_MAX_WIDTH], mask = ~0u << (23 - s->out_bits);
    uint32_t side = 1u << s->m, range = s->source == SUM ? 0x7fffffu : 0xffffffu;
    for (uint32_t i = 0; i < side; i++) {
        alpha[i] = draw() & range & mask;
        beta[i] = s->source == SUM ? draw() & range & mask : 0;
    }
    for (uint32_t e = 0; e < side * side; e++) words[e] = alpha[e >> s->m] + beta[e & (side - 1)];
}

static inline mult build(const subject *s)
{
    mult t = {.view = {.native = 1, .width = 23, .direct = -1}};
    if (s->source == FAMILY || s->source == FORMLESS)
        t = from_model(families[s->family].model, s->family, s->m);
    else if (s->source != NATIVE) {
        t = from_words(s->m, new_words(s->m));
        if (s->source == NOISE)
            fill_noise(t.words, s);
        else
            fill_sum(t.words, s);
    }
    analyse(&t);
    if (s->source == FORMLESS) {
        t.plan.form = AX_FORM_ANY;
        t.plan.lut.fused = t.plan.additive = t.plan.small_sum = t.plan.linear = 0;
    }
    return t;
}

enum { SUBJECTS_MAX = 350 };

/* All widths as tables of every width of products that makes a difference, as sums, as families, also as
 * families that have nothing but their code; tables with dead bits. */
static inline int list_subjects(subject *list /* (SUBJECTS_MAX) */)
{
    static const int dead[][4] = {{7, 7, 4, 2}, {7, 7, 4, 7},    {7, 7, 5, 6},  {7, 7, 7, 5},   {7, 7, 6, 6},
                                  {7, 7, 1, 1}, {7, 7, 0, 3},    {7, 7, 3, 0},  {5, 15, 5, 2},  {8, 7, 5, 8},
                                  {9, 7, 7, 7}, {10, 15, 6, 10}, {11, 7, 8, 9}, {11, 23, 9, 6}, {11, 15, 7, 7}};
    int n = 0;
    for (int m = 1; m <= AX_TABLE_MAX_WIDTH; m++) {
        int widths[] = {m, 7, 15, 23};
        for (int o = m == 7 ? 1 : 0; o < 4; o++) list[n++] = (subject){NOISE, m, widths[o], {m, m}, 0};
        list[n++] = (subject){SUM, m, m, {m, m}, 0};
        list[n++] = (subject){SUM, m, 23, {m, m}, 0};
        list[n++] = (subject){LOPSIDED, m, m, {m, m}, 0};
    }
    for (size_t d = 0; d < sizeof dead / sizeof *dead; d++)
        list[n++] = (subject){NOISE, dead[d][0], dead[d][1], {dead[d][2], dead[d][3]}, 0};
    for (int f = 0; f < FAMILIES; f++)
        for (int m = 1; m <= AX_WIDTH_MAX; m++) {
            list[n++] = (subject){FAMILY, m, m, {m, m}, f};
            if (m > AX_TABLE_MAX_WIDTH && families[f].form != AX_FORM_ANY) list[n++] = (subject){FORMLESS, m, m, {m, m}, f};
        }
    list[n++] = (subject){NATIVE, 23, 23, {23, 23}, 0};
    assert_true(n <= SUBJECTS_MAX);
    return n;
}

/* --- kernels ------------------------------------------------------------------------------------------------------ */

enum { KERNELS_MAX = 100 };

typedef struct {
    const ax_gemm_kernel *kernel;
    int64_t pairs, made, declined; /* products of all fractions; random ones, and such as it left to the literal rule */
    int served;                    /* multipliers and roles */
    int64_t quota;                 /* of products that each of these shall add in the long pass */
} proof;

static inline int list_kernels(proof *list /* (KERNELS_MAX) */)
{
    int n = 0, has;
    const ax_gemm_kernel *kernel;
    for (int i = 0; (kernel = ax_gemm_kernel_at(i)); i++)
        if (ax_cpu_isa_name((int)kernel->isa, &has) && has > 0) {
            assert_true(n < KERNELS_MAX);
            list[n++] = (proof){.kernel = kernel};
        }
    return n;
}

/* --- one kernel's sums -------------------------------------------------------------------------------------------- */

enum { GAP = 16, PAD = 5 }; /* floats after a row of sums, that must stay; after a row of operands, NaN */
static const float untouched = 77.0f;

typedef struct {
    const ax_gemm_kernel *kernel;
    ax_gemm_side side;
    int64_t rows, lanes, ks, block; /* k of a block */
    int64_t row_piece, lane_piece;  /* k packed at a time */
    float *x, *y;                   /* (rows, ks + PAD), (ks, lanes + PAD) */
    float *sums, *want;             /* (rows, ld), (rows, lanes) */
    int64_t ld, row_stride, panel_stride;
    char *packed_rows, *packed_lanes; /* a group; all panels */
} trial;

static inline float *operands(int64_t rows, int64_t cols)
{
    float *x = malloc((size_t)(rows * (cols + PAD)) * sizeof *x);
    for (int64_t e = 0; e < rows * (cols + PAD); e++) x[e] = NAN;
    return x;
}

static inline int64_t x_at(const trial *t, int64_t r, int64_t k) { return r * (t->ks + PAD) + k; }
static inline int64_t y_at(const trial *t, int64_t k, int64_t l) { return k * (t->lanes + PAD) + l; }

static inline trial new_trial(const ax_gemm_kernel *kernel, ax_gemm_side side, int64_t rows, int64_t lanes, int64_t ks)
{
    trial t = {.kernel = kernel, .side = side, .rows = rows, .lanes = lanes, .ks = ks};
    int64_t panels = (lanes + kernel->panel - 1) / kernel->panel, k = round_up(ks, 16);
    t.block = draw() % 4 ? least(kernel->block, k) : least(16 * (1 + draw() % 3), kernel->block);
    t.row_piece = draw() % 2 ? 32 : t.block;
    t.lane_piece = kernel->pack_turned && draw() % 2 ? 2 * (1 + draw() % 24) : draw() % 2 ? 32 : t.block;
    t.ld = panels * kernel->panel + GAP;
    t.row_stride = round_up(t.block * kernel->row_bytes, 64) + 64;
    t.panel_stride = t.block * kernel->panel_bytes;
    t.x = operands(rows, ks);
    t.y = operands(ks, lanes);
    t.sums = malloc((size_t)(rows * t.ld) * sizeof *t.sums);
    t.want = malloc((size_t)(rows * lanes) * sizeof *t.want);
    t.packed_rows = aligned_alloc(64, (size_t)(kernel->group * t.row_stride));
    t.packed_lanes = aligned_alloc(64, (size_t)round_up(panels * t.panel_stride, 64));
    for (int64_t e = 0; e < rows * t.ld; e++) t.sums[e] = untouched;
    return t;
}

static inline void release_trial(trial *t)
{
    free(t->x), free(t->y), free(t->sums), free(t->want), free(t->packed_rows), free(t->packed_lanes);
}

/* Lanes of a panel, now each with its k after one another, as they lie where lanes are rows. */
static inline ax_extent pack_turned(const trial *t, char *out, ax_range lanes, ax_range ks)
{
    const float *at[AX_PANEL_MAX];
    float *turned = operands(lanes.count, ks.count);
    for (int64_t l = 0; l < lanes.count; l++) {
        float *lane = turned + l * (ks.count + PAD);
        for (int64_t k = 0; k < ks.count; k++) lane[k] = t->y[y_at(t, ks.first + k, lanes.first + l)];
        at[l] = lane;
    }
    for (int64_t l = lanes.count; l < round_up(lanes.count, 16); l++) at[l] = at[lanes.count - 1];
    ax_extent extent = t->kernel->pack_turned(out, at, (int)lanes.count, (int)ks.count, t->side);
    free(turned);
    return extent;
}

/* All panels of a block of k, by either way that the kernel has. */
static inline ax_extent pack_lanes(const trial *t, ax_range block)
{
    const ax_gemm_kernel *kernel = t->kernel;
    ax_extent extent = {0, UINT32_MAX};
    for (int64_t l = 0; l < t->lanes; l += kernel->panel)
        for (int64_t k = 0; k < block.count; k += t->lane_piece) {
            char *out = t->packed_lanes + l / kernel->panel * t->panel_stride + k * kernel->panel_bytes;
            ax_range lanes = {l, least(kernel->panel, t->lanes - l)};
            ax_range ks = {block.first + k, least(t->lane_piece, block.count - k)};
            if (kernel->pack_turned && draw() % 2)
                extent = ax_extent_join(extent, pack_turned(t, out, lanes, ks));
            else
                extent = ax_extent_join(extent, kernel->pack_lanes(out, t->y + y_at(t, ks.first, l), t->lanes + PAD,
                                                                   (int)lanes.count, (int)ks.count, t->side));
        }
    return extent;
}

static inline ax_extent pack_rows(const trial *t, ax_range rows, ax_range ks)
{
    const ax_gemm_kernel *kernel = t->kernel;
    ax_extent extent = {0, UINT32_MAX};
    for (int64_t k = 0; k < ks.count; k += t->row_piece)
        extent = ax_extent_join(extent, kernel->pack_rows(t->packed_rows + k * kernel->row_bytes, t->row_stride,
                                                          t->x + x_at(t, rows.first, ks.first + k), t->ks + PAD,
                                                          (int)rows.count, (int)least(t->row_piece, ks.count - k), t->side));
    return extent;
}

/* A group of rows by a block of k; returns whether the kernel did it. */
static inline int add_group(const trial *t, ax_range rows, ax_range ks, ax_extent lanes)
{
    float *sums = t->sums + rows.first * t->ld;
    ax_extent extent = pack_rows(t, rows, ks);
    if (t->kernel->fits(extent, lanes)) {
        t->kernel->add(&(ax_gemm_block){sums, t->ld, t->packed_rows, t->packed_lanes, t->row_stride, t->panel_stride,
                                        (int)rows.count, (int)t->lanes, (int)ks.count, ks.first == 0, t->side, extent, lanes});
        return 1;
    }
    for (int64_t r = 0; ks.first == 0 && r < rows.count; r++) memset(sums + r * t->ld, 0, (size_t)t->lanes * sizeof *sums);
    ax_gemm_add_literally(sums, t->ld, (ax_block){t->x + x_at(t, rows.first, ks.first), t->ks + PAD},
                          (ax_block){t->y + y_at(t, ks.first, 0), t->lanes + PAD}, rows.count, t->lanes, ks.count, t->side);
    return 0;
}

/* The sums, as the driver makes them: blocks of k, groups of rows. The control bits stay. Returns the products that the kernel
 * made itself; all, if it is the literal rule. */
static inline int64_t make_sums(const trial *t)
{
    int64_t made = 0;
    unsigned csr = ax_cpu_flush(), before = control();
    for (int64_t k = 0; k < t->ks; k += t->block) {
        ax_range ks = {k, least(t->block, t->ks - k)};
        ax_extent lanes = pack_lanes(t, ks);
        for (int64_t r = 0; r < t->rows; r += t->kernel->group) {
            ax_range rows = {r, least(t->kernel->group, t->rows - r)};
            if (add_group(t, rows, ks, lanes) || !t->kernel->add) made += rows.count * t->lanes * ks.count;
        }
    }
    unsigned after = control();
    ax_cpu_unflush(csr);
    if (after != before) fail_msg("%s: control bits %x were left as %x", t->kernel->name, before, after);
    return made;
}

/* The rule; for the literal kernel, which is the rule, the definition of gemm.h. */
static inline float ruled(const trial *t, float acc, float row, float lane)
{
    float a = t->side.role ? lane : row, b = t->side.role ? row : lane;
    return t->kernel->add && !t->side.plan->lut.native ? ax_gemm_step(t->side.plan, acc, a, b) : step(t->side.plan, acc, a, b);
}

static inline void make_wanted(const trial *t)
{
    unsigned csr = ax_cpu_flush();
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t l = 0; l < t->lanes; l++) {
            float acc = 0.0f;
            for (int64_t k = 0; k < t->ks; k++) acc = ruled(t, acc, t->x[x_at(t, r, k)], t->y[y_at(t, k, l)]);
            t->want[r * t->lanes + l] = acc;
        }
    ax_cpu_unflush(csr);
}

static inline uint32_t end_bits(float sum) { return ax_bits(ax_sum_end(sum, 0.0f, 0, AX_LINEAR)); }

/* Fails unless all sums have the wanted bits and nothing was written behind the last panel. */
static inline void compare(const trial *t, const char *what)
{
    for (int64_t r = 0; r < t->rows; r++) {
        const float *got = t->sums + r * t->ld, *want = t->want + r * t->lanes;
        for (int64_t l = 0; l < t->lanes; l++)
            if (end_bits(got[l]) != end_bits(want[l]))
                fail_msg("%s: %s of %d bits, role %d, %lldx%lldx%lld in blocks of %lld: sum (%lld, %lld) is %08x, not %08x; "
                         "its first operands are %08x and %08x",
                         t->kernel->name, what, t->side.plan->lut.width, t->side.role, (long long)t->rows, (long long)t->lanes,
                         (long long)t->ks, (long long)t->block, (long long)r, (long long)l, end_bits(got[l]), end_bits(want[l]),
                         ax_bits(t->x[x_at(t, r, 0)]), ax_bits(t->y[y_at(t, 0, l)]));
        for (int64_t l = t->ld - GAP; l < t->ld; l++)
            if (got[l] != untouched) fail_msg("%s: wrote behind the last panel of row %lld", t->kernel->name, (long long)r);
    }
}

#endif
