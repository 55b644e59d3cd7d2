/* Whence the operands of an error metric come: the numbers of .npy arrays or of a trained layer, or, where neither is given, all
 * significands alike. */
#include "cmd/mult.h"

#include "base/error.h"
#include "base/json.h"
#include "data/npy.h"

#include <stdio.h>

static const char *const side_names[] = {"a", "b"};

static int read_numbers(ax_operands *o, const char *path)
{
    ax_npy array;
    int status = ax_npy_read(&array, path);
    if (status == AX_OK) status = ax_operands_init(o, array.data, NULL, array.size);
    ax_npy_release(&array);
    return status;
}

static int check_numbers(const ax_operands *o, const char *source)
{
    if (o->n > 0) return AX_OK;
    return ax_fail(AX_EFORMAT, "%s: no operand among %lld zeros, %lld subnormals, %lld NaNs and %lld infinities, wanted at least one finite "
                   "number other than zero", source, (long long)o->zeros, (long long)o->subnormals, (long long)o->nans, (long long)o->infinities);
}

/* Options that exclude or need one another. */
static int check_options(const ax_operand_source *s, const char *verb)
{
    const struct {
        const char *option, *value;
    } parts[] = {{"study", s->study}, {"trial", s->trial}, {"layer", s->layer}, {"pass", s->pass}};
    enum { NEEDED = 3, PARTS };
    int given = 0, missing = PARTS;
    if (s->source[1] && !s->source[0])
        return ax_fail(AX_EARG, "%s: --operands-b %s without --operands, wanted the first operand's array too", verb, s->source[1]);
    for (int k = PARTS - 1; k >= 0; k--) {
        given += parts[k].value != NULL;
        if (!parts[k].value && k < NEEDED) missing = k;
    }
    if (given && missing < NEEDED)
        return ax_fail(AX_EARG, "%s: --%s is missing; a trained layer is --study DIR --trial TRIAL --layer NAME", verb, parts[missing].option);
    if (given && s->source[0]) return ax_fail(AX_EARG, "%s: --operands and --study exclude each other", verb);
    return AX_OK;
}

int ax_operand_source_open(ax_operand_source *s, const char *verb)
{
    AX_TRY(check_options(s, verb));
    if (s->study) AX_TRY(ax_operand_source_capture(s));
    for (int side = 0; side < 2 && s->source[side]; side++) {
        if (!s->study) AX_TRY(read_numbers(&s->numbers[side], s->source[side]));
        AX_TRY(check_numbers(&s->numbers[side], s->source[side]));
        s->side[side] = &s->numbers[side];
    }
    if (s->source[1]) return AX_OK;
    s->source[1] = s->source[0];
    s->side[1] = s->side[0];
    return AX_OK;
}

void ax_operand_source_release(ax_operand_source *s)
{
    for (int side = 0; side < 2; side++) ax_operands_release(&s->numbers[side]);
}

static int64_t numbers_in(const ax_operands *o)
{
    return o->n + o->zeros + o->subnormals + o->nans + o->infinities;
}

void ax_operand_source_text(const ax_operand_source *s)
{
    static const char *const titles[] = {"first operand", "second operand"};
    for (int side = 0; side < 2 && s->side[side]; side++) {
        const ax_operands *o = s->side[side];
        if (side && o == s->side[0]) printf("%-15s the same numbers\n", titles[side]);
        else
            printf("%-15s %s: %lld of %lld numbers (left out: %lld zero, %lld subnormal, %lld NaN, %lld infinite)\n", titles[side],
                   s->source[side], (long long)o->n, (long long)numbers_in(o), (long long)o->zeros, (long long)o->subnormals,
                   (long long)o->nans, (long long)o->infinities);
    }
}

/* The columns and members of one side, in their order. */
enum { COUNTS = 6 };
static const char *const count_names[COUNTS] = {"numbers", "used", "zeros", "subnormals", "nans", "infinities"};

static void counts_of(int64_t counts[COUNTS], const ax_operands *o)
{
    const int64_t found[COUNTS] = {numbers_in(o), o->n, o->zeros, o->subnormals, o->nans, o->infinities};
    for (int k = 0; k < COUNTS; k++) counts[k] = found[k];
}

void ax_operand_source_json(cJSON *object, const ax_operand_source *s)
{
    if (!s->side[0]) return;
    cJSON *sides = ax_json_set_object(object, "operands");
    for (int side = 0; side < 2; side++) {
        int64_t counts[COUNTS];
        cJSON *member = ax_json_set_object(sides, side_names[side]);
        ax_json_set_string(member, "source", s->source[side]);
        counts_of(counts, s->side[side]);
        for (int k = 0; k < COUNTS; k++) ax_json_set_number(member, count_names[k], (double)counts[k]);
    }
}

void ax_operand_source_csv_heading(const ax_operand_source *s)
{
    for (int side = 0; side < 2 && s->side[side]; side++) {
        printf(",operands_%s", side_names[side]);
        for (int k = 0; k < COUNTS; k++) printf(",%s_%s", count_names[k], side_names[side]);
    }
}

void ax_operand_source_csv(const ax_operand_source *s)
{
    for (int side = 0; side < 2 && s->side[side]; side++) {
        int64_t counts[COUNTS];
        putchar(',');
        ax_csv_text(s->source[side]);
        counts_of(counts, s->side[side]);
        for (int k = 0; k < COUNTS; k++) printf(",%lld", (long long)counts[k]);
    }
}
