/* Every op outside the products, on the device against the cpu backend: equal bits, at once and in recorded segments. */
#include "cuda.h"

#include <math.h>

enum kind { NONE, WILD, MILD, TIES, POSITIVE, FINITE, ONCE_INFINITE, EDGE, ZERO, DOUBLES, LABELS, NO_LABELS, BYTES, ORDER };
enum { BUFFERS = 7, SIZES = 4, STEPS = 4 };

typedef struct { enum kind kind; int64_t n; int kept; } buffer;      /* kept: filled before the first step only */

typedef struct test {
    const char *name;
    void (*run)(const ax_kernels *k, void *const *p, const struct test *t, int step);
    int64_t size[SIZES];
    buffer buffers[BUFFERS];
    const void *config;
} test;

static const ax_backend *cuda;

/* ---- numbers ---- */

static uint64_t random_state = 1;

/* Splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t random_bits(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static float between(float lo, float hi) { return lo + (hi - lo) * (float)(random_bits() >> 40) * 0x1p-24f; }

/* Any bits, the numbers at which something changes, and ordinary ones. */
static float wild(void)
{
    static const uint32_t special[] = {0, 0x80000000u, 0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc01234u, 1, 0x80000001u, 0x007fffffu,
                                       0x00800000u, 0x80800000u, 0x7f7fffffu, 0xff7fffffu, 0x3f800000u, 0xbf800000u};
    uint64_t r = random_bits();
    if (r % 4 == 0) return ax_float((uint32_t)(r >> 32));
    if (r % 4 == 1) return ax_float(special[(r >> 8) % (sizeof special / sizeof *special)]);
    return between(-20, 20);
}

static float number(enum kind kind, int64_t i, int64_t n, int step)
{
    switch (kind) {
    case WILD: return wild();
    case MILD: return random_bits() % 16 ? between(-4, 4) : ax_float((uint32_t)random_bits() & 0x80ffffffu);
    case TIES: return (float)((int)(random_bits() % 9) - 4) * 0.25f;
    case POSITIVE: return between(0, 4);
    case EDGE: return (1 - 0x1p-13f + (float)(i % 33 - 16) * 0x1p-24f) * 0x1p-63f;
    case ZERO: return 0;
    case ONCE_INFINITE:
        if (i == n - 1 && step % 2) return INFINITY;
        return between(-1, 1);
    default: return ax_float((uint32_t)random_bits() & 0xff7fffffu);      /* finite */
    }
}

static size_t bytes_of(const buffer *b)
{
    size_t width = b->kind == BYTES ? 1 : b->kind == DOUBLES ? 8 : 4;
    return ((size_t)b->n * width + 3) / 4 * 4;
}

static void fill(void *to, const buffer *b, const test *t, int step)
{
    for (int64_t i = 0; i < b->n; i++) switch (b->kind) {
        case DOUBLES: ((double *)to)[i] = 0; break;
        case LABELS: ((int32_t *)to)[i] = (int32_t)(random_bits() % (uint64_t)(t->size[1] + 1)) - 1; break;
        case NO_LABELS: ((int32_t *)to)[i] = -1; break;
        case BYTES: ((uint8_t *)to)[i] = (uint8_t)random_bits(); break;
        case ORDER: ((uint32_t *)to)[i] = (uint32_t)(random_bits() % (uint64_t)b->n); break;
        default: ((float *)to)[i] = number(b->kind, i, b->n, step);
        }
}

/* ---- the comparison ---- */

typedef struct { void *host[BUFFERS], *back[BUFFERS], *device[BUFFERS]; } memory;

static void need(int good, const char *what)
{
    if (good) return;
    printf("FAIL %s: %s\n", what, cuda->error() ? cuda->error() : "no memory");
    exit(1);
}

static void memory_new(memory *m, const test *t)
{
    for (int i = 0; i < BUFFERS; i++) {
        size_t bytes = bytes_of(&t->buffers[i]);
        m->host[i] = bytes ? calloc(bytes, 1) : NULL;
        m->back[i] = bytes ? calloc(bytes, 1) : NULL;
        m->device[i] = bytes ? cuda->memory_new(bytes) : NULL;
        need(!bytes || (m->host[i] && m->back[i] && m->device[i]), t->name);
    }
}

static void memory_free(memory *m)
{
    cuda->segments_forget();
    for (int i = 0; i < BUFFERS; i++) {
        free(m->host[i]);
        free(m->back[i]);
        if (m->device[i]) cuda->memory_free(m->device[i]);
    }
}

/* New inputs, and noise in the outputs, on both sides. */
static void refill(memory *m, const test *t, int step)
{
    for (int i = 0; i < BUFFERS; i++) {
        const buffer *b = &t->buffers[i];
        if (!b->n || (b->kept && step)) continue;
        fill(m->host[i], b, t, step);
        need(!cuda->put(m->device[i], m->host[i], bytes_of(b)), t->name);
    }
}

static int64_t first_difference(const buffer *b, const void *host, const void *back)
{
    if (b->kind != DOUBLES) return cuda_first_difference(host, back, (int64_t)bytes_of(b) / 4, b->kind < LABELS);
    for (int64_t i = 0; i < b->n; i++) {
        double x = ((const double *)host)[i], y = ((const double *)back)[i];
        if (memcmp(&x, &y, sizeof x) && !(isnan(x) && isnan(y))) return i;
    }
    return -1;
}

/* 1 if all buffers are equal; else says where the first differs. */
static int equal(memory *m, const test *t, const char *mode, int step, char *what, size_t size)
{
    for (int i = 0; i < BUFFERS; i++) {
        const buffer *b = &t->buffers[i];
        if (!b->n) continue;
        need(!cuda->get(m->back[i], m->device[i], bytes_of(b)), t->name);
        int64_t at = first_difference(b, m->host[i], m->back[i]);
        if (at < 0) continue;
        const uint32_t *x = m->host[i], *y = m->back[i];
        snprintf(what, size, "%s, step %d: buffer %d of %d numbers, number %lld is %08x on the device, wanted %08x", mode, step, i,
                 (int)b->n, (long long)at, y[at], x[at]);
        return 0;
    }
    return 1;
}

static void describe(char *name, size_t size, const test *t)
{
    snprintf(name, size, "%s %lld %lld %lld %lld", t->name, (long long)t->size[0], (long long)t->size[1], (long long)t->size[2],
             (long long)t->size[3]);
}

/* Outside segments, then as a segment that is run at once, recorded, and replayed twice. */
static void check(test t)
{
    char name[128], what[256] = "";
    int good = 1;
    memory m;
    describe(name, sizeof name, &t);
    memory_new(&m, &t);
    refill(&m, &t, 0);
    t.run(&ax_kernels_cpu, m.host, &t, 0);
    t.run(cuda->kernels, m.device, &t, 0);
    good = equal(&m, &t, "at once", 0, what, sizeof what);
    for (int step = 0; good && step < STEPS; step++) {
        refill(&m, &t, step);
        t.run(&ax_kernels_cpu, m.host, &t, step);
        cuda->segment_begin(0);
        t.run(cuda->kernels, m.device, &t, step);
        need(!cuda->segment_end(), name);
        good = equal(&m, &t, "in a segment", step, what, sizeof what);
    }
    cuda_report(good, name, what);
    memory_free(&m);
}

/* ---- elementwise ---- */

#define ELEMENTWISE(op, ...)                                                                                           \
    static void op(const ax_kernels *k, void *const *p, const test *t, int step)                                       \
    {                                                                                                                  \
        (void)step;                                                                                                    \
        k->op(__VA_ARGS__, t->size[0]);                                                                                \
    }
ELEMENTWISE(relu_fwd, p[0], p[1])
ELEMENTWISE(tanh_fwd, p[0], p[1])
ELEMENTWISE(sigmoid_fwd, p[0], p[1])
ELEMENTWISE(relu_bwd, p[0], p[1], p[2])
ELEMENTWISE(tanh_bwd, p[0], p[1], p[2])
ELEMENTWISE(sigmoid_bwd, p[0], p[1], p[2])
ELEMENTWISE(all_finite, p[0], p[1])

static void round_operand(const ax_kernels *k, void *const *p, const test *t, int step)
{
    (void)step;
    k->round_operand(p[0], p[1], (int)t->size[1], t->size[0]);
}

static void dropout(const ax_kernels *k, void *const *p, const test *t, int step)
{
    k->dropout(p[0], p[1], *(const float *)t->config, UINT64_C(0x123456789abcdef), (UINT64_C(3) << 56) + (uint64_t)step, t->size[0]);
}

static void fill_all(const ax_kernels *k, void *const *p, const test *t, int step)
{
    (void)step;
    k->fill(p[0], 0.3f, t->size[0]);
}

static void fill_uniform(const ax_kernels *k, void *const *p, const test *t, int step)
{
    k->fill_uniform(p[0], -0.3f, 0.7f, 77, (uint64_t)step, t->size[0]);
}

static void sgd_step(const ax_kernels *k, void *const *p, const test *t, int step)
{
    ax_sgd s = *(const ax_sgd *)t->config;
    s.lr /= (float)(step + 1);
    k->sgd_step(p[0], p[1], p[2], &s, t->size[0]);
}

static void adam_step(const ax_kernels *k, void *const *p, const test *t, int step)
{
    ax_adam s = *(const ax_adam *)t->config;
    s.lr /= (float)(step + 1);
    s.correction1 = 1 - powf(s.beta1, (float)(step + 1));
    s.correction2 = 1 - powf(s.beta2, (float)(step + 1));
    k->adam_step(p[0], p[1], p[2], p[3], &s, t->size[0]);
}

static void check_elementwise(int64_t n)
{
    static const float rates[] = {0, 0.1f, 0.5f};
    static const ax_sgd sgd[] = {{0.1f, 0.9f, 1e-4f, 0}, {0.1f, 0.9f, 0.01f, 1}};
    static const ax_adam adam[] = {{1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 0, 0, 0}, {0.1f, 0.9f, 0.999f, 1e-8f, 0.01f, 0, 0, 1}};
    check((test){"relu_fwd", relu_fwd, {n}, {{WILD, n, 0}, {WILD, n, 0}}, 0});
    check((test){"relu_bwd", relu_bwd, {n}, {{WILD, n, 0}, {WILD, n, 0}, {WILD, n, 0}}, 0});
    check((test){"tanh_fwd", tanh_fwd, {n}, {{WILD, n, 0}, {WILD, n, 0}}, 0});
    check((test){"tanh_bwd", tanh_bwd, {n}, {{WILD, n, 0}, {WILD, n, 0}, {WILD, n, 0}}, 0});
    check((test){"sigmoid_fwd", sigmoid_fwd, {n}, {{WILD, n, 0}, {WILD, n, 0}}, 0});
    check((test){"sigmoid_bwd", sigmoid_bwd, {n}, {{WILD, n, 0}, {WILD, n, 0}, {WILD, n, 0}}, 0});
    for (int width = 1; width <= 23; width += 11) check((test){"round_operand", round_operand, {n, width}, {{WILD, n, 0}, {WILD, n, 0}}, 0});
    check((test){"fill", fill_all, {n}, {{WILD, n, 0}}, 0});
    check((test){"fill_uniform", fill_uniform, {n}, {{WILD, n, 0}}, 0});
    for (int i = 0; i < 3; i++) check((test){"dropout", dropout, {n}, {{WILD, n, 0}, {WILD, n, 0}}, rates + i});
    for (int i = 0; i < 2; i++) {
        check((test){"sgd_step", sgd_step, {n}, {{MILD, n, 1}, {NONE, 0, 0}, {MILD, n, 0}}, sgd + i});
        check((test){"sgd_step, momentum", sgd_step, {n}, {{MILD, n, 1}, {MILD, n, 1}, {MILD, n, 0}}, sgd + i});
        check((test){"adam_step", adam_step, {n}, {{MILD, n, 1}, {MILD, n, 1}, {POSITIVE, n, 1}, {MILD, n, 0}}, adam + i});
        check((test){"adam_step, any bits", adam_step, {n}, {{WILD, n, 1}, {WILD, n, 1}, {WILD, n, 1}, {WILD, n, 0}}, adam + i});
    }
    check((test){"all_finite, yes", all_finite, {n}, {{NO_LABELS, 1, 0}, {FINITE, n, 0}}, 0});
    check((test){"all_finite, the last not", all_finite, {n}, {{NO_LABELS, 1, 0}, {ONCE_INFINITE, n, 0}}, 0});
    check((test){"all_finite, no", all_finite, {n}, {{NO_LABELS, 1, 0}, {WILD, n, 0}}, 0});
}

/* Products just below 2^-126, of which some round up to it: a flush must look at the rounded number. */
static void check_underflow(void)
{
    static const ax_sgd sgd = {(1 + 0x1p-13f) * 0x1p-63f, 0, 0, 0};
    check((test){"sgd_step at the edge of underflow", sgd_step, {33}, {{ZERO, 33, 0}, {NONE, 0, 0}, {EDGE, 33, 0}}, &sgd});
}

/* ---- rows ---- */

static void bias_grad(const ax_kernels *k, void *const *p, const test *t, int step)
{
    (void)step;
    k->bias_grad(p[0], p[1], t->size[0], t->size[1]);
}

static void softmax_xent(const ax_kernels *k, void *const *p, const test *t, int step)
{
    (void)step;
    k->softmax_xent(p[0], p[1], p[2], p[3], t->size[0], t->size[1]);
}

static void argmax(const ax_kernels *k, void *const *p, const test *t, int step)
{
    (void)step;
    k->argmax(p[0], p[1], t->size[0], t->size[1]);
}

static void check_rows(void)
{
    static const int64_t sums[][2] = {{1, 1}, {5, 1}, {20000, 1}, {7, 3}, {1001, 6}, {25088, 6}, {333, 64}, {129, 65},
                                      {128, 120}, {100, 200}, {3, 131200}};
    static const int64_t rows[][2] = {{1, 1}, {1, 7}, {128, 10}, {300, 31}, {130, 33}, {37, 1000}, {1500, 3}};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        int64_t m = sums[i][0], n = sums[i][1];
        check((test){"bias_grad", bias_grad, {m, n}, {{WILD, n, 0}, {MILD, m * n, 0}}, 0});
        check((test){"bias_grad, any bits", bias_grad, {m, n}, {{WILD, n, 0}, {WILD, m * n, 0}}, 0});
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t m = rows[i][0], n = rows[i][1];
        for (enum kind logits = WILD; logits <= TIES; logits++) {
            check((test){"argmax", argmax, {m, n}, {{NO_LABELS, m, 0}, {logits, m * n, 0}}, 0});
            check((test){"softmax_xent", softmax_xent, {m, n},
                  {{WILD, m * n, 0}, {DOUBLES, 3, 1}, {logits, m * n, 0}, {LABELS, m, 0}}, 0});
        }
        check((test){"softmax_xent, loss only", softmax_xent, {m, n},
              {{NONE, 0, 0}, {DOUBLES, 3, 1}, {MILD, m * n, 0}, {LABELS, m, 0}}, 0});
        check((test){"softmax_xent, no labels", softmax_xent, {m, n},
              {{WILD, m * n, 0}, {DOUBLES, 3, 1}, {MILD, m * n, 0}, {NO_LABELS, m, 0}}, 0});
    }
}

/* ---- pooling and batches ---- */

static void pools(const ax_kernels *k, void *const *p, const test *t, int step)
{
    const ax_pool *pool = t->config;
    (void)step;
    k->maxpool_fwd(p[0], p[1], p[2], pool);
    k->avgpool_fwd(p[3], p[2], pool);
    k->maxpool_bwd(p[4], p[6], p[1], pool);
    k->avgpool_bwd(p[5], p[6], pool);
}

static void check_pools(void)
{
    static const ax_pool geometries[] = {       /* n, h, w, c, out, kernel, stride, pad */
        {3, 4, 6, 3, 2, 3, 2, 2, 2, 2, 0, 0},   {3, 5, 7, 6, 2, 3, 2, 2, 2, 2, 0, 0},       {3, 5, 7, 4, 3, 4, 2, 2, 2, 2, 0, 0},
        {2, 7, 6, 5, 7, 6, 3, 3, 1, 1, 1, 1},   {1, 9, 8, 1, 5, 4, 3, 2, 2, 2, 1, 0},       {2, 8, 8, 17, 3, 3, 2, 1, 3, 3, 0, 0},
        {2, 6, 5, 2, 1, 1, 6, 5, 1, 1, 0, 0},   {16, 28, 28, 6, 14, 14, 2, 2, 2, 2, 0, 0},  {2, 10, 10, 300, 5, 5, 3, 3, 2, 2, 1, 1},
        {3, 7, 7, 64, 1, 1, 7, 7, 7, 7, 0, 0},  {1, 12, 11, 2, 6, 6, 5, 4, 2, 2, 2, 1},
    };
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
        const ax_pool *g = &geometries[i];
        int64_t in = g->n * g->h * g->w * g->c, out = g->n * g->out_h * g->out_w * g->c;
        for (enum kind x = WILD; x <= TIES; x++)
            check((test){"pools", pools, {g->h, g->w, g->c, g->kernel_h}, {{WILD, out, 0}, {NO_LABELS, out, 0}, {x, in, 0}, {WILD, out, 0},
                  {WILD, in, 0}, {WILD, in, 0}, {x == WILD ? WILD : MILD, out, 0}}, g});
    }
}

static void gather_batch(const ax_kernels *k, void *const *p, const test *t, int step)
{
    int64_t rows = t->size[0];
    ax_gather g = {p[2], p[3], p[4], t->size[1], t->size[2], t->size[3], step, 1 / (255.0f + (float)step)};
    k->gather_batch(p[0], p[1], &g, rows);
}

static void check_batches(void)
{
    static const int64_t sizes[][SIZES] = {{1, 0, 4, 1}, {7, 3, 25, 11}, {32, 10, 100, 784}, {64, 0, 130, 3072}, {5, 2, 3, 300001}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t *s = sizes[i], samples = s[1] + s[2];
        for (int shuffled = 0; shuffled < 2; shuffled++)
            check((test){"gather_batch", gather_batch, {s[0], s[1], s[2], s[3]}, {{WILD, s[0] * s[3], 0}, {NO_LABELS, s[0], 0},
                  {BYTES, samples * s[3], 0}, {BYTES, samples, 0}, {ORDER, shuffled ? s[2] : 0, 0}}, 0});
    }
}

/* ---- segments ---- */

/* Several varying values in one segment; size: n. */
static void training_step(const ax_kernels *k, void *const *p, const test *t, int step)
{
    const ax_adam adam = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 1 - powf(0.9f, (float)step + 1), 1 - powf(0.999f, (float)step + 1), 1};
    const ax_sgd sgd = {0.1f / (float)(step + 1), 0.9f, 1e-4f, 1};
    k->dropout(p[0], p[1], 0.3f, 1, (uint64_t)step, t->size[0]);
    k->adam_step(p[2], p[3], p[4], p[0], &adam, t->size[0]);
    k->dropout(p[0], p[0], 0.2f, 2, (uint64_t)step, t->size[0]);
    k->sgd_step(p[5], p[6], p[0], &sgd, t->size[0]);
    k->bias_grad(p[1], p[5], t->size[0] / 50, 50);
}

/* The host runs ahead of two segments in turn, further than there are copies of what varies. */
static void check_far_ahead(void)
{
    enum { N = 50000, AHEAD = 40 };
    test t = {"two segments, not waited for", training_step, {N}, {{MILD, N, 1}, {MILD, N, 1}, {MILD, N, 1}, {MILD, N, 1}, {POSITIVE, N, 1},
              {MILD, N, 1}, {MILD, N, 1}}, 0};
    char what[256] = "";
    memory m;
    memory_new(&m, &t);
    refill(&m, &t, 0);
    for (int step = 0; step < AHEAD; step++) {
        cuda->segment_begin(step % 2);
        t.run(cuda->kernels, m.device, &t, step);
        need(!cuda->segment_end(), t.name);
    }
    for (int step = 0; step < AHEAD; step++) t.run(&ax_kernels_cpu, m.host, &t, step);
    cuda_report(equal(&m, &t, "after all", AHEAD, what, sizeof what), t.name, what);
    memory_free(&m);
}

/* A recorded segment, whose work memory moves when an op outside wants more. */
static void check_work_grows(void)
{
    enum { N = 200000 };
    test t = {"work memory that grows between runs", bias_grad, {50, 4}, {{WILD, N, 0}, {MILD, N, 0}}, 0};
    char what[256] = "";
    int good = 1;
    memory m;
    memory_new(&m, &t);
    for (int step = 0; good && step < 2 * STEPS; step++) {
        if (step == STEPS) cuda->kernels->bias_grad(m.device[0], m.device[1], 1, N);
        refill(&m, &t, step);
        t.run(&ax_kernels_cpu, m.host, &t, step);
        cuda->segment_begin(0);
        t.run(cuda->kernels, m.device, &t, step);
        need(!cuda->segment_end(), t.name);
        good = equal(&m, &t, "in a segment", step, what, sizeof what);
    }
    cuda_report(good, t.name, what);
    memory_free(&m);
}

/* The last: a failure sticks. */
static void check_changed_segment(void)
{
    enum { N = 1000 };
    float *x = cuda->memory_new(N * sizeof *x), *y = cuda->memory_new(N * sizeof *y);
    need(x && y, "a segment whose ops change");
    int status = 0;
    for (int step = 0; step < STEPS; step++) {
        cuda->segment_begin(0);
        cuda->kernels->relu_fwd(y, x, step < STEPS - 1 ? N : N - 1);
        status = cuda->segment_end();
        if (step < STEPS - 1) need(!status, "a segment whose ops change");
    }
    const char *error = cuda->error() ? cuda->error() : "no failure";
    cuda_report(status && strstr(error, "each step must call the same"), "a segment whose ops change fails", error);
}

int main(void)
{
    static const int64_t sizes[] = {1, 31, 1027, 100003};
    cuda = cuda_backend();
    check_work_grows();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_elementwise(sizes[i]);
    check_underflow();
    check_rows();
    check_pools();
    check_batches();
    check_far_ahead();
    check_changed_segment();
    return cuda_summary();
}
