/* approxrun mult: the families of multipliers, their errors and a picture of them. */
#include "cmd/mult.h"

#include "base/error.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

static void widths_text(char *text, size_t size, const ax_family *f)
{
    if (f->min_width == f->max_width) snprintf(text, size, "%d", f->max_width);
    else snprintf(text, size, "%d to %d", f->min_width, f->max_width);
}

static const char facts_format[] = "  %-24s %9s  %14s  %11s  %-30s  %s\n";

static void facts_heading(void)
{
    printf(facts_format, "multiplier", "live bits", "rows x columns", "output bits", "structure", "kernel");
}

static void facts_line(const ax_mult *m)
{
    const ax_plan *plan = ax_mult_plan(m);
    char format[AX_SPEC_MAX + 32], live[16] = "-", out[16] = "-", lines[32] = "-", structure[AX_FACT_MAX], kernels[AX_FACT_MAX];
    ax_lut_format(format, sizeof format, ax_mult_lut(m));
    if (plan->lut.words) {
        snprintf(live, sizeof live, "%d x %d", plan->live_a, plan->live_b);
        snprintf(lines, sizeof lines, "%d x %d", plan->distinct_rows, plan->distinct_columns);
        snprintf(out, sizeof out, "%d", plan->out_bits);
    }
    printf(facts_format, format, live, lines, out, ax_mult_structure(structure, plan), ax_mult_kernels(kernels, plan));
}

/* Every width of a family; JSON objects into `array`, or lines. */
static int list_widths(cJSON *array, const ax_family *f)
{
    for (int width = f->min_width; width <= f->max_width; width++) {
        char spec[64];
        snprintf(spec, sizeof spec, f->min_width == f->max_width ? "%s" : "%s:%d", f->name, width);
        const ax_mult *m = ax_mult_get(spec);
        if (!m) return ax_errstatus();
        if (!array) {
            facts_line(m);
            continue;
        }
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        ax_json_set_string(object, "multiplier", spec);
        ax_json_set_number(object, "width", width);
        ax_mult_facts_json(object, m);
    }
    return AX_OK;
}

static int is_file_family(int row)
{
    return row == ax_family_count() - 1;
}

static int list_json(void)
{
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    cJSON *families = ax_json_set_array(tree, "families");
    for (int row = 0; row < ax_family_count(); row++) {
        const ax_family *f = ax_family_at(row);
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(families, object);
        ax_json_set_string(object, "family", f->name);
        ax_json_set_number(object, "min_width", f->min_width);
        ax_json_set_number(object, "max_width", f->max_width);
        ax_json_set_string(object, "title", f->title);
        ax_json_set_string(object, "reference", f->reference);
        if (!ax_common_options.verbose || is_file_family(row)) continue;
        int status = list_widths(ax_json_set_array(object, "multipliers"), f);
        if (status != AX_OK) {
            cJSON_Delete(tree);
            return status;
        }
    }
    return ax_output_json(tree);
}

static int list_text(void)
{
    printf("%-7s %-8s %-58s %s\n", "family", "widths", "what it is", "reference");
    for (int row = 0; row < ax_family_count(); row++) {
        const ax_family *f = ax_family_at(row);
        char widths[32];
        widths_text(widths, sizeof widths, f);
        printf("%-7s %-8s %-58s %s\n", f->name, widths, f->title, f->reference);
    }
    if (!ax_common_options.verbose) return AX_OK;
    putchar('\n');
    facts_heading();
    for (int row = 0; row < ax_family_count(); row++)
        if (!is_file_family(row)) AX_TRY(list_widths(NULL, ax_family_at(row)));
    return AX_OK;
}

static int mult_list(int argc, char **argv)
{
    bool json = false;
    const ax_option options[] = {{"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON", 0, 0}, {0}};
    const ax_usage usage = {
        "mult list", "", "The families of multipliers.",
        "A multiplier is written family:width, such as mbm:7; fp32 stands alone. -v adds, for every width, what was found in\n"
        "its table (docs/multipliers.md, Analysis) and the kernel that serves it on this machine: two names where a product\n"
        "with the second operand in rows has another.", 0, 0};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    return json ? list_json() : list_text();
}

int cmd_mult(int argc, char **argv)
{
    static const ax_verb rows[] = {
        {"list", mult_list, "", "the families; -v: every width, with the kernel that serves it"},
        {"errors", ax_mult_errors, "SPEC...", "MRED, bias, worst case, ... over all operand pairs"},
        {"plot", ax_mult_plot, "SPEC -o FILE.svg", "heat map of the relative error"},
        {0},
    };
    return ax_verbs_run(rows, argc, argv);
}
