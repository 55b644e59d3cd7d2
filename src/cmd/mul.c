/* approxrun mul: one product, beside the exact one. */
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/mult.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Straight to float: by way of double it could round twice. */
static int parse_float(float *out, const char *text)
{
    double wide;
    if (!ax_text_double(&wide, text)) return ax_fail(AX_EARG, "mul: '%s' is no number", text);
    *out = strtof(text, NULL);
    return AX_OK;
}

static float product(const ax_lut *lut, float a, float b)
{
    return lut->view.native ? a * b : ax_product(&lut->view, a, b);
}

static void add_number(cJSON *tree, const char *name, float value)
{
    char bits[16];
    snprintf(bits, sizeof bits, "0x%08x", ax_bits(value));
    cJSON *object = ax_json_set_object(tree, name);
    ax_json_set_number(object, "value", (double)value);
    ax_json_set_string(object, "bits", bits);
}

static int print_json(const ax_lut *lut, float a, float b, double exact, double error)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "multiplier", lut->spec);
    add_number(tree, "a", a);
    add_number(tree, "b", b);
    add_number(tree, "product", product(lut, a, b));
    ax_json_set_number(tree, "exact", exact);
    ax_json_set_number(tree, "relative_error", error);
    return ax_output_json(tree);
}

static void print_text(const ax_lut *lut, float a, float b, double exact, double error)
{
    char name[AX_SPEC_MAX + 32], percent[24];
    float p = product(lut, a, b);
    ax_lut_format(name, sizeof name, lut);
    printf("%-8s %s\n", "under", name);
    printf("%-8s %-16.9g 0x%08x\n", "a", (double)a, ax_bits(a));
    printf("%-8s %-16.9g 0x%08x\n", "b", (double)b, ax_bits(b));
    printf("%-8s %-16.9g 0x%08x\n", "product", (double)p, ax_bits(p));
    printf("%-8s %.9g\n", "exact", isnan(exact) ? (double)NAN : exact);          /* never -nan */
    if (isfinite(error)) printf("%-8s %s %%\n", "error", ax_percent(percent, error, 1));
    else printf("%-8s -\n", "error");
}

int cmd_mul(int argc, char **argv)
{
    bool json = false;
    const ax_option options[] = {{"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON", 0, 0}, {0}};
    const ax_usage usage = {
        "mul", "SPEC X Y", "One product, decimal and hexadecimal, beside the exact one.",
        "X and Y are rounded to FP32; the multiplier then truncates them to its width. The exact product is that of the FP32\n"
        "numbers, so the error contains the truncation. inf and nan are numbers; write -- before -inf.", 3, 3};
    ax_texts args;
    float a = 0, b = 0;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    AX_TRY(parse_float(&a, args.items[1]));
    AX_TRY(parse_float(&b, args.items[2]));
    ax_lut *lut = ax_lut_open(args.items[0]);
    if (!lut) return ax_errstatus();
    double exact = (double)a * (double)b, p = (double)product(lut, a, b);
    double error = exact == p ? 0 : (p - exact) / exact;
    int status = AX_OK;
    if (json) status = print_json(lut, a, b, exact, error);
    else print_text(lut, a, b, exact, error);
    ax_lut_close(lut);
    return status;
}
