/* approxrun mult errors: the metrics of lut/errors.h as a table, CSV or JSON. */
#include "cmd/mult.h"

#include "base/error.h"
#include "base/json.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const ax_lut *against;               /* NULL: the exact product */
    const ax_operand_source *operands;
    int name_width;                      /* columns */
    bool csv;
    cJSON *json;                         /* array to add to, or NULL */
} report;

const char *ax_percent(char text[24], double fraction, int with_sign)
{
    double percent = 100 * fraction;
    bool tiny = percent != 0 && fabs(percent) < 0.0005;
    if (percent == 0) with_sign = 0;
    snprintf(text, 24, tiny ? with_sign ? "%+.2e" : "%.2e" : with_sign ? "%+.4f" : "%.4f", percent == 0 ? 0.0 : percent);          /* never -0 */
    return text;
}

void ax_errors_json(cJSON *object, const ax_errors *e)
{
    ax_json_set_number(object, "operand_width", e->width);
    ax_json_set_number(object, "pairs", e->pairs);
    ax_json_set_bool(object, "sampled", e->sampled);
    ax_json_set_number(object, "med", e->med);
    ax_json_set_number(object, "nmed", e->nmed);
    ax_json_set_number(object, "mred", e->mred);
    ax_json_set_number(object, "wce", e->wce);
    ax_json_set_number(object, "wcre", e->wcre);
    ax_json_set_number(object, "bias", e->bias);
    ax_json_set_number(object, "variance", e->variance);
    ax_json_set_number(object, "sd", e->sd);
    ax_json_set_number(object, "min", e->min);
    ax_json_set_number(object, "max", e->max);
    ax_json_set_number(object, "error_rate", e->error_rate);
}

void ax_errors_heading(int width)
{
    printf("%-*s %9s %9s %9s %9s %9s %9s %9s %9s %9s %9s  %s\n", width, "multiplier", "MRED %", "bias %", "sd %", "min %", "max %",
           "WCRE %", "MED", "NMED", "WCE", "wrong %", "operand pairs");
}

void ax_errors_line(int width, const char *name, const ax_errors *e, bool weighted)
{
    char t[7][24];
    printf("%-*s %9s %9s %9s %9s %9s %9s %9.3g %9.3g %9.3g %9s  %.0f (%s)\n", width, name, ax_percent(t[0], e->mred, 0),
           ax_percent(t[1], e->bias, 1), ax_percent(t[2], e->sd, 0), ax_percent(t[3], e->min, 1), ax_percent(t[4], e->max, 1),
           ax_percent(t[5], e->wcre, 0), e->med, e->nmed, e->wce, ax_percent(t[6], e->error_rate, 0), e->pairs,
           e->sampled ? "sampled" : weighted ? "weighted" : "all");
}

void ax_csv_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    putchar('"');
}

void ax_errors_csv_heading(void)
{
    printf("multiplier,against,operand_width,pairs,sampled,med,nmed,mred,wce,wcre,bias,variance,sd,min,max,error_rate");
}

void ax_errors_csv(const char *name, const char *against, const ax_errors *e)
{
    ax_csv_text(name);
    putchar(',');
    ax_csv_text(against);
    printf(",%d,%.0f,%d", e->width, e->pairs, e->sampled);
    const double values[] = {e->med, e->nmed, e->mred, e->wce, e->wcre, e->bias, e->variance, e->sd, e->min, e->max, e->error_rate};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) printf(",%.17g", values[i]);
}

static const char *against_name(const report *r)
{
    return r->against ? r->against->spec : "exact product";
}

static void report_json(const report *r, const ax_lut *lut, const ax_errors *e)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(r->json, object);
    ax_json_set_string(object, "multiplier", lut->spec);
    ax_json_set_string(object, "family", lut->family);
    ax_json_set_number(object, "width", lut->width);
    ax_errors_json(object, e);
}

static void report_line(const report *r, const ax_lut *lut, const ax_errors *e)
{
    char name[AX_SPEC_MAX + 32];
    if (r->csv) {
        ax_errors_csv(lut->spec, against_name(r), e);
        ax_operand_source_csv(r->operands);
        putchar('\n');
        return;
    }
    ax_lut_format(name, sizeof name, lut);
    ax_errors_line(r->name_width, name, e, r->operands->side[0] != NULL);
}

static int report_one(const report *r, const char *spec)
{
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) return ax_errstatus();
    ax_errors e;
    int status = ax_errors_measure_over(&e, lut, r->against, r->operands->side[0], r->operands->side[1]);
    if (status == AX_OK) (r->json ? report_json : report_line)(r, lut, &e);
    ax_lut_close(lut);
    return status;
}

/* Columns for names that are not known before each multiplier is open: a spec and its format, at least 24. */
static int name_width(const ax_texts *specs)
{
    int width = 24;
    for (int i = 0; i < specs->n; i++) {
        int n = (int)strlen(specs->items[i]) + (int)strlen(" (1,8,23) 32 bits");
        if (n > width) width = n;
    }
    return width;
}

static void report_heading(const report *r)
{
    if (r->csv) {
        ax_errors_csv_heading();
        ax_operand_source_csv_heading(r->operands);
        putchar('\n');
        return;
    }
    ax_operand_source_text(r->operands);
    ax_errors_heading(r->name_width);
}

static int report_all(report *r, const ax_texts *specs, bool json)
{
    int status = AX_OK;
    cJSON *tree = json ? cJSON_CreateObject() : NULL;
    if (json) {
        ax_json_set_number(tree, "schema", 1);
        ax_json_set_string(tree, "against", against_name(r));
        ax_operand_source_json(tree, r->operands);
        r->json = ax_json_set_array(tree, "errors");
    } else {
        report_heading(r);
    }
    for (int i = 0; i < specs->n && status == AX_OK; i++) status = report_one(r, specs->items[i]);
    if (status == AX_OK && json) return ax_output_json(tree);
    cJSON_Delete(tree);
    return status;
}

int ax_mult_errors(int argc, char **argv)
{
    const char *against = NULL;
    bool json = false, csv = false;
    ax_operand_source operands = {0};
    const ax_option options[] = {
        {"against", 0, AX_OPT_TEXT, &against, "SPEC", "compare with this multiplier (default: the exact product of the operands)", 0, 0},
        AX_OPERAND_OPTIONS(operands),
        {"csv", 0, AX_OPT_FLAG, &csv, NULL, "print CSV; relative errors as fractions", 0, 0},
        {"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON; relative errors as fractions", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "mult errors", "SPEC...", "Error metrics over the significands of operand pairs.",
        "Operands have the multiplier's own width (with --against: the wider one's). All pairs count alike, or, with --operands,\n"
        "as often as their significands occur in .npy arrays of float32 or float64, or, with --study, in what a layer of a trained\n"
        "net multiplies in its first training batch; zeros, subnormals, NaNs and infinities do not count. Above 11 bits 2^24\n"
        "pairs are drawn, always the same. MED, NMED and WCE are distances of products in [1, 4); the others are relative.\n"
        "docs/multipliers.md defines them.", 1, -1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    if (csv && json) return ax_fail(AX_EARG, "mult errors: --csv and --json exclude each other");
    ax_lut *other = against ? ax_lut_open(against) : NULL;
    if (against && !other) return ax_errstatus();
    int status = ax_operand_source_open(&operands, "mult errors");
    report r = {other, &operands, name_width(&args), csv, NULL};
    if (status == AX_OK) status = report_all(&r, &args, json);
    ax_operand_source_release(&operands);
    ax_lut_close(other);
    return status;
}
