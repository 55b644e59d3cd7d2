/* A data set made from random numbers, for tests and for trying a script: each class has a smooth prototype, a sample is its
 * prototype under random contrast, brightness and noise. Invariant: integers only, so every machine makes the same bytes. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "data/registry.h"

#include <math.h>
#include <stdio.h>

enum { STREAM_PROTOTYPES, STREAM_TRAIN, STREAM_TEST };
enum { GRID = 4 };                   /* a prototype interpolates GRID x GRID random values a channel */
enum { CONTRAST = 96, NOISE = 112 }; /* of 256: amplitude of the prototype, and of noise with sd 148 * NOISE / 256 */
enum { BYTES_CAP = 1 << 30 };

int ax_synthetic_configure(ax_data_info *info, const cJSON *options);
int ax_synthetic_load(ax_samples train_test[2], const ax_data_info *info);

/* A whole number lo..hi under `key`, or *out as it is if there is none. */
static int whole(int64_t *out, const cJSON *item, const char *key, int64_t lo, int64_t hi)
{
    if (!item) return AX_OK;
    double v = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(v >= (double)lo && v <= (double)hi) || v != floor(v)) {
        char *found = ax_json_text(item, false);
        int status = ax_fail(AX_EARG, "data set synthetic: %s is %s, wanted a whole number from %lld to %lld", key,
                             found ? found : "?", (long long)lo, (long long)hi);
        cJSON_free(found);
        return status;
    }
    *out = (int64_t)v;
    return AX_OK;
}

static int shape(int64_t out[3], const cJSON *item)
{
    static const char *const names[3] = {"shape[1] (height)", "shape[2] (width)", "shape[3] (channels)"};
    if (!item) return AX_OK;
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 3)
        return ax_fail(AX_EARG, "data set synthetic: shape wants {height, width, channels}");
    for (int i = 0; i < 3; i++) AX_TRY(whole(&out[i], cJSON_GetArrayItem(item, i), names[i], 1, 1024));
    return AX_OK;
}

int ax_synthetic_configure(ax_data_info *info, const cJSON *options)
{
    static const char *const known[] = {"shape", "classes", "train", "test", "seed"};
    int64_t seed = 1;
    char text[256];
    AX_TRY(ax_data_options_check(info->set->name, options, known, sizeof known / sizeof known[0]));
    AX_TRY(shape(info->shape, cJSON_GetObjectItemCaseSensitive(options, "shape")));
    AX_TRY(whole(&info->classes, cJSON_GetObjectItemCaseSensitive(options, "classes"), "classes", 2, 256));
    AX_TRY(whole(&info->train, cJSON_GetObjectItemCaseSensitive(options, "train"), "train", 1, 10000000));
    AX_TRY(whole(&info->test, cJSON_GetObjectItemCaseSensitive(options, "test"), "test", 1, 10000000));
    AX_TRY(whole(&seed, cJSON_GetObjectItemCaseSensitive(options, "seed"), "seed", 0, INT64_C(1) << 53));
    info->seed = (uint64_t)seed;
    int64_t pixels = info->shape[0] * info->shape[1] * info->shape[2];
    if (pixels > BYTES_CAP / (info->train + info->test))
        return ax_fail(AX_EARG, "data set synthetic: %lld samples of %lld bytes are more than %d bytes in all",
                       (long long)(info->train + info->test), (long long)pixels, BYTES_CAP);
    int n = snprintf(text, sizeof text, "synthetic 1: shape=%lldx%lldx%lld classes=%lld train=%lld test=%lld seed=%lld",
                     (long long)info->shape[0], (long long)info->shape[1], (long long)info->shape[2],
                     (long long)info->classes, (long long)info->train, (long long)info->test, (long long)seed);
    return ax_sha256(info->sha256, text, (size_t)n);
}

/* Byte `at` of channel `channel` of the grid of a class, -128..127. */
static int grid_value(const ax_data_info *info, int64_t class, int64_t channel, int at)
{
    uint64_t index = ((uint64_t)class * (uint64_t)info->shape[2] + (uint64_t)channel) * GRID * GRID / 4 + (uint64_t)at / 4;
    return (int)(ax_rng(info->seed, AX_RNG_SYNTHETIC, STREAM_PROTOTYPES, index).v[at % 4] >> 24) - 128;
}

/* Position of pixel i of n on the grid, in 1/256 of a cell: *cell 0..GRID-2 and the remainder 0..256. */
static int grid_position(int *cell, int64_t i, int64_t n)
{
    int64_t at = n > 1 ? i * (GRID - 1) * 256 / (n - 1) : 0;
    *cell = (int)(at / 256) < GRID - 1 ? (int)(at / 256) : GRID - 2;
    return (int)(at - *cell * 256);
}

/* proto (h, w, c), -128..127: bilinear interpolation of the class's grid. */
static void make_prototype(int16_t *proto, const ax_data_info *info, int64_t class)
{
    int64_t h = info->shape[0], w = info->shape[1], c = info->shape[2];
    for (int64_t k = 0; k < c; k++) {
        int grid[GRID * GRID];
        for (int i = 0; i < GRID * GRID; i++) grid[i] = grid_value(info, class, k, i);
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++) {
                int gy, gx, fy = grid_position(&gy, y, h), fx = grid_position(&gx, x, w);
                const int *g = grid + gy * GRID + gx;
                int top = g[0] * (256 - fx) + g[1] * fx, bottom = g[GRID] * (256 - fx) + g[GRID + 1] * fx;
                proto[(y * w + x) * c + k] = (int16_t)((top * (256 - fy) + bottom * fy) / 65536);
            }
    }
}

/* The sum of four uniform bytes less its mean: nearly normal, sd 147.8. */
static int bell(uint32_t word)
{
    return (int)((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24)) - 510;
}

/* One sample (h, w, c) of n pixels from its prototype: 128 + brightness + contrast * prototype + noise, clamped. */
static void make_sample(uint8_t *out, const int16_t *proto, int64_t n, uint64_t seed, uint64_t stream, uint64_t sample)
{
    uint64_t first = sample * (uint64_t)(1 + (n + 3) / 4);
    ax_rng_block block = ax_rng(seed, AX_RNG_SYNTHETIC, stream, first);
    int contrast = CONTRAST / 2 + (int)(block.v[0] >> 24) * CONTRAST / 256, brightness = bell(block.v[1]) / 16;
    for (int64_t i = 0; i < n; i++) {
        if (i % 4 == 0) block = ax_rng(seed, AX_RNG_SYNTHETIC, stream, first + 1 + (uint64_t)i / 4);
        int v = 128 + brightness + (contrast * proto[i] + NOISE * bell(block.v[i % 4])) / 256;
        out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static int make_part(ax_samples *s, const ax_data_info *info, const int16_t *protos, int64_t n, uint64_t stream)
{
    int64_t pixels = info->shape[0] * info->shape[1] * info->shape[2];
    s->pixels = s->owned[0] = ax_alloc((size_t)n, (size_t)pixels);
    s->labels = s->owned[1] = ax_alloc((size_t)n, 1);
    if (!s->pixels || !s->labels) return AX_ENOMEM;
    s->n = n;
    for (int64_t i = 0; i < n; i++) {
        int64_t class = i % info->classes;
        s->labels[i] = (uint8_t)class;
        make_sample(s->pixels + i * pixels, protos + class * pixels, pixels, info->seed, stream, (uint64_t)i);
    }
    return AX_OK;
}

int ax_synthetic_load(ax_samples train_test[2], const ax_data_info *info)
{
    int64_t pixels = info->shape[0] * info->shape[1] * info->shape[2];
    int16_t *protos = ax_alloc((size_t)(info->classes * pixels), sizeof *protos);     /* (classes, h, w, c) */
    if (!protos) return AX_ENOMEM;
    for (int64_t k = 0; k < info->classes; k++) make_prototype(protos + k * pixels, info, k);
    int status = make_part(&train_test[0], info, protos, info->train, STREAM_TRAIN);
    if (status == AX_OK) status = make_part(&train_test[1], info, protos, info->test, STREAM_TEST);
    ax_free(protos);
    return status;
}
