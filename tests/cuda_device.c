/* The device's own promises: memory that stays flat, failures that end with their engine, products cut into parts, recordings. */
#include "cuda.h"
#include "gemm.h"

static const ax_backend *cuda;

/* A product on the device, whose operands are there. */
typedef struct {
    ax_gemm g;
    float *got, *want;
    int64_t floats;
} job;

static job begin(ax_gemm g, int64_t a_floats, int64_t b_floats)
{
    size_t bytes;
    job j = {.floats = (g.batch - 1) * g.c_batch + g.m * g.ldc};
    j.got = calloc((size_t)j.floats, sizeof *j.got);
    j.want = calloc((size_t)j.floats, sizeof *j.want);
    ax_kernels_cpu.gemm_work_bytes(&bytes, 2);
    ax_gemm host = g;
    host.c = j.want, host.strict = 1, host.threads = 2, host.work = aligned_alloc(64, bytes);
    ax_kernels_cpu.gemm(&host);
    free(host.work);
    cuda->kernels->gemm_work_bytes(&bytes, 1);
    g.c = cuda->memory_new((size_t)j.floats * 4), g.work = cuda->memory_new(bytes), g.threads = 1;
    g.a.data = cuda_copy(cuda, g.a.data, (size_t)a_floats * 4), g.b.data = cuda_copy(cuda, g.b.data, (size_t)b_floats * 4);
    j.g = g;
    return j;
}

static int equal(job *j)
{
    int64_t nonzero = 0;
    for (int64_t i = 0; i < j->floats; i++) nonzero += j->want[i] != 0.0f;
    return nonzero > j->floats / 2 && !cuda->get(j->got, j->g.c, (size_t)j->floats * 4) && cuda_first_difference(j->got, j->want, j->floats, 0) < 0;
}

static void end(job *j)
{
    cuda->segments_forget();
    cuda->memory_free(j->g.c), cuda->memory_free(j->g.work), cuda->memory_free((void *)j->g.a.data), cuda->memory_free((void *)j->g.b.data);
    free(j->got);
    free(j->want);
}

static job strict_job(const mult *t, int64_t m, int64_t n, int64_t k)
{
    float *a = numbers(m * k, 119, 135), *b = numbers(n * k, 119, 135);
    job j = begin((ax_gemm){.a = matrix(a, k, 1, k), .b = matrix(b, k, 1, k), .m = m, .n = n, .k = k, .ldc = n, .batch = 1, .strict = 1,
                            .plan = &t->plan}, m * k, n * k);
    free(a);
    free(b);
    return j;
}

/* A whole trial's worth: after a mistake the device still computes. */
static int still_works(void)
{
    mult t = ready(from_noise(7, 7));
    job j = strict_job(&t, 40, 50, 60);
    cuda->kernels->gemm(&j.g);
    int good = equal(&j);
    end(&j);
    release(&t);
    return good && !cuda->error();
}

/* ---- memory ---- */

/* Bytes of the device's memory that are free; 0: the driver does not say. */
static size_t free_bytes(void)
{
    size_t left = 0, total = 0;
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    int (*info)(size_t *, size_t *) = NULL;
    if (driver) *(void **)&info = dlsym(driver, "cuMemGetInfo_v2");
    return info && info(&left, &total) == 0 ? left : 0;
}

static void check_flat(void)
{
    enum { TRIALS = 1000, SETTLED = 100 };
    size_t before = 0, after = 0;
    int good = 1;
    char what[96];
    for (int i = 0; i < TRIALS; i++) {
        int m = 3 + i % 6;
        mult t = ready(from_noise(m, m));
        job j = strict_job(&t, 64 + i % 40, 96, 200 + i % 7);
        cuda->kernels->gemm(&j.g);
        good &= equal(&j);
        j.g.strict = 0;
        cuda->kernels->gemm(&j.g);
        good &= !cuda->wait();
        end(&j);
        release(&t);
        if (i == SETTLED) before = free_bytes();
    }
    after = free_bytes();
    snprintf(what, sizeof what, "%zu bytes free after %d trials, %zu after %d", before, SETTLED, after, TRIALS);
    cuda_report(good && before > 0 && after + (4u << 20) >= before, "memory is flat over trials with different multipliers", what);
}

static void check_out_of_memory(void)
{
    void *none = cuda->memory_new((size_t)1 << 50);
    cuda_report(!none && !cuda->error() && still_works(), "a request that cannot be met fails alone", cuda->error() ? cuda->error() : "");
}

/* ---- recordings ---- */

static void run_segment(const ax_gemm *g)
{
    cuda->segment_begin(0);
    cuda->kernels->gemm(g);
}

static void check_abandoned(void)
{
    mult t = ready(from_noise(7, 7));
    job j = strict_job(&t, 40, 50, 60);
    int good = 1;
    for (int run = 0; run < 6; run++) {
        run_segment(&j.g);
        if (run == 1 || run == 3) continue;      /* the recording, and a replay, left in the middle */
        good &= !cuda->segment_end() && equal(&j);
    }
    cuda_report(good, "a segment left in the middle is begun anew", cuda->error() ? cuda->error() : "");
    run_segment(&j.g);
    end(&j);
    cuda_report(still_works(), "so is one that its engine left", cuda->error() ? cuda->error() : "");
    release(&t);
}

static void check_mistakes(void)
{
    mult t = ready(from_noise(7, 7));
    job j = strict_job(&t, 40, 50, 60);
    for (int run = 0; run < 3; run++) {
        run_segment(&j.g);
        if (run == 2) cuda->kernels->gemm(&j.g);
        cuda->segment_end();
    }
    int noticed = cuda->error() && strstr(cuda->error(), "each step must call the same") != NULL;
    end(&j);
    cuda_report(noticed && still_works(), "a step that calls other ops fails, and only its engine", "");

    j = strict_job(&t, 40, 50, 60);
    run_segment(&j.g);
    cuda->segment_end();
    run_segment(&j.g);
    noticed = cuda->get(j.got, j.g.c, 4) != 0;   /* it would have to wait for what is only being recorded */
    cuda->segment_end();
    end(&j);
    cuda_report(noticed && still_works(), "so does one that reads in the middle of its recording", cuda->error() ? cuda->error() : "");
    release(&t);
}

/* The same arguments in structures whose padding differs are the same arguments. */
static void check_padding(void)
{
    mult t = ready(from_noise(7, 7));
    job j = strict_job(&t, 40, 50, 60);
    int good = 1;
    for (int run = 0; run < 4; run++) {
        ax_gemm g;
        memset(&g, 0x11 * run, sizeof g);
        g.c = j.g.c, g.bias = NULL, g.m = 40, g.n = 50, g.k = 60, g.ldc = 50, g.batch = 1, g.a_batch = 0, g.b_batch = 0, g.c_batch = 0;
        g.plan = &t.plan, g.activation = AX_LINEAR, g.strict = 1, g.threads = 1, g.work = j.g.work;
        ax_operand *sides[] = {&g.a, &g.b};
        const ax_operand *from[] = {&j.g.a, &j.g.b};
        for (int s = 0; s < 2; s++) {
            int64_t *field = &sides[s]->n;
            sides[s]->kind = AX_OPERAND_MATRIX, sides[s]->data = from[s]->data, sides[s]->row_stride = 60, sides[s]->k_stride = 1;
            sides[s]->k_inner = 60, sides[s]->k_outer_stride = 0, sides[s]->step = 0, sides[s]->transposed = 0;
            for (; field <= &sides[s]->dilation_w; field++) *field = 0;
        }
        run_segment(&g);
        good &= !cuda->segment_end() && equal(&j);
    }
    cuda_report(good, "padding is no argument", cuda->error() ? cuda->error() : "");
    end(&j);
    release(&t);
}

/* ---- products ---- */

/* Operands outside the range of the fast kernel change nothing for the product after them. */
static void check_range_is_forgotten(void)
{
    static const uint32_t inf = 0x7f800000u;
    mult t = ready(from_noise(7, 7));
    job j = strict_job(&t, 300, 200, 100);
    j.g.strict = 0;
    float *first = malloc((size_t)j.floats * 4), kept, infinite = 0;
    char what[64];
    cuda->kernels->gemm(&j.g);
    int good = !cuda->get(first, j.g.c, (size_t)j.floats * 4) && !cuda->get(&kept, j.g.a.data, 4);
    cuda->put((void *)j.g.a.data, &inf, 4);
    cuda->kernels->gemm(&j.g);
    good &= !cuda->get(&infinite, j.g.c, 4) && !isfinite(infinite);
    cuda->put((void *)j.g.a.data, &kept, 4);
    cuda->kernels->gemm(&j.g);
    good &= !cuda->get(j.got, j.g.c, (size_t)j.floats * 4) && cuda_first_difference(j.got, first, j.floats, 0) < 0;
    snprintf(what, sizeof what, "%g where Inf entered", (double)infinite);
    cuda_report(good, "a product after one with Inf has its own range", what);
    free(first);
    end(&j);
    release(&t);
}

static void check_one(const char *name, ax_gemm g, int64_t a_floats, int64_t b_floats)
{
    job j = begin(g, a_floats, b_floats);
    cuda->kernels->gemm(&j.g);
    cuda_report(equal(&j), name, cuda->error() ? cuda->error() : "");
    end(&j);
}

/* Products with more rows, columns or products than a grid has blocks. */
static void check_large(void)
{
    enum { MANY = (1 << 20) + 77, BATCH = 70001, IMAGES = 9001, SIDE = 8 };
    mult t = ready(from_noise(5, 5));
    float *large = numbers(3 * (int64_t)MANY, 119, 135), *small = numbers(64, 119, 135);
    ax_gemm g = {.m = MANY, .n = 3, .k = 3, .ldc = 3, .batch = 1, .strict = 1, .plan = &t.plan, .bias = NULL};
    g.a = matrix(large, 3, 1, 3), g.b = matrix(small, 1, 3, 3);
    check_one("a million rows", g, 3 * (int64_t)MANY, 9);
    g.m = 3, g.n = g.ldc = MANY, g.a = matrix(small, 3, 1, 3), g.b = matrix(large, 1, MANY, 3);
    check_one("a million columns", g, 9, 3 * (int64_t)MANY);
    g.m = 2, g.n = 3, g.k = 5, g.ldc = 3, g.batch = BATCH, g.a_batch = 10, g.b_batch = 0, g.c_batch = 6;
    g.a = matrix(large, 5, 1, 5), g.b = matrix(small, 1, 3, 5);
    check_one("seventy thousand products", g, 10 * (int64_t)BATCH, 15);
    g = (ax_gemm){.m = (int64_t)IMAGES * SIDE * SIDE, .n = 4, .k = 9, .ldc = 4, .batch = 1, .strict = 1, .plan = &t.plan};
    g.a = (ax_operand){.kind = AX_OPERAND_PATCHES, .data = large, .n = IMAGES, .h = SIDE, .w = SIDE, .c = 1, .out_h = SIDE, .out_w = SIDE,
                       .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .pad_h = 1, .pad_w = 1, .dilation_h = 1,
                       .dilation_w = 1, .step = 1};
    g.b = matrix(small, 1, 4, 9);
    check_one("patches of nine thousand images", g, (int64_t)IMAGES * SIDE * SIDE, 36);
    free(large);
    free(small);
    release(&t);
}

int main(void)
{
    rng_state = 20240301;
    cuda = cuda_backend();
    check_flat();
    check_out_of_memory();
    check_abandoned();
    check_mistakes();
    check_padding();
    check_range_is_forgotten();
    check_large();
    return cuda_summary();
}
