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

static const char facts_format[] = "  %-36s %9s  %14s  %11s  %-30s  %s\n";

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

/* One multiplier; a JSON object into `array`, or a line. */
static int list_one(cJSON *array, const char *spec)
{
    const ax_mult *m = ax_mult_get(spec);
    if (!m) return ax_errstatus();
    if (!array) {
        facts_line(m);
        return AX_OK;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(array, object);
    ax_json_set_string(object, "multiplier", spec);
    ax_json_set_number(object, "width", ax_mult_lut(m)->width);
    ax_mult_facts_json(object, m);
    return AX_OK;
}

static bool needs_keys(const ax_family *f)
{
    const ax_family_key *key;
    for (int k = 0; (key = ax_family_key_at(f, k)); k++)
        if (key->standard == AX_KEY_REQUIRED) return true;
    return false;
}

/* Every width of a family; of one that needs keys an example, as a table and, above width 11, as code. */
static int list_family(cJSON *array, const ax_family *f)
{
    enum { EXAMPLE_CODE_WIDTH = 16 };
    char spec[AX_SPEC_MAX];
    if (f->min_width == f->max_width) return list_one(array, f->name);
    if (needs_keys(f)) {
        ax_family_example(spec, sizeof spec, f, AX_EXAMPLE_WIDTH);
        AX_TRY(list_one(array, spec));
        ax_family_example(spec, sizeof spec, f, EXAMPLE_CODE_WIDTH);
        return list_one(array, spec);
    }
    for (int width = f->min_width; width <= f->max_width; width++) {
        ax_family_example(spec, sizeof spec, f, width);
        AX_TRY(list_one(array, spec));
    }
    return AX_OK;
}

static void keys_json(cJSON *object, const ax_family *f)
{
    char text[64];
    const ax_family_key *key;
    cJSON *array = ax_json_set_array(object, "keys");
    for (int k = 0; (key = ax_family_key_at(f, k)); k++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToArray(array, row);
        ax_family_key_range(text, sizeof text, key);
        ax_json_set_string(row, "key", key->name);
        ax_json_set_string(row, "range", text);
        ax_json_set_bool(row, "required", key->standard == AX_KEY_REQUIRED);
    }
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
        keys_json(object, f);
        if (!ax_common_options.verbose || f->file_keys) continue;
        int status = list_family(ax_json_set_array(object, "multipliers"), f);
        if (status != AX_OK) {
            cJSON_Delete(tree);
            return status;
        }
    }
    return ax_output_json(tree);
}

/* "k=1..m+1", and in brackets where a spec may leave a key out; "-" for none. */
static void keys_text(char *text, size_t size, const ax_family *f)
{
    char range[64];
    const ax_family_key *key;
    snprintf(text, size, "%s", f->file_keys ? f->file_keys : ax_family_key_at(f, 0) ? "" : "-");
    for (int k = 0; (key = ax_family_key_at(f, k)); k++) {
        size_t n = strlen(text);
        ax_family_key_range(range, sizeof range, key);
        snprintf(text + n, size - n, key->standard == AX_KEY_REQUIRED ? "%s%s=%s" : "%s[%s=%s]", k ? " " : "", key->name, range);
    }
}

static int list_text(void)
{
    static const char format[] = "%-7s %-8s %-26s %-51s %s\n";
    printf(format, "family", "widths", "keys", "what it is", "reference");
    for (int row = 0; row < ax_family_count(); row++) {
        const ax_family *f = ax_family_at(row);
        char widths[32], keys[128];
        widths_text(widths, sizeof widths, f);
        keys_text(keys, sizeof keys, f);
        printf(format, f->name, widths, keys, f->title, f->reference);
    }
    puts("any but fp32 also takes operands=round and, up to width 11, compat=approxtrain; lut also width_a=A,width_b=B: docs/multipliers.md");
    if (!ax_common_options.verbose) return AX_OK;
    putchar('\n');
    facts_heading();
    for (int row = 0; row < ax_family_count(); row++)
        if (!ax_family_at(row)->file_keys) AX_TRY(list_family(NULL, ax_family_at(row)));
    return AX_OK;
}

static int mult_list(int argc, char **argv)
{
    bool json = false;
    const ax_option options[] = {{"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON", 0, 0}, {0}};
    const ax_usage usage = {
        "mult list", "", "The families of multipliers.",
        "A multiplier is written family:width, such as mbm:7, and the family's keys behind it, such as drum:7,k=4; fp32 stands\n"
        "alone. -v adds, for every width, what was found in its table (docs/multipliers.md, Analysis) and the kernel that serves\n"
        "it on this machine: two names where a product with the second operand in rows has another. Of a family that cannot do\n"
        "without keys it shows an example at widths 7 and 16.", 0, 0};
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
        {"plot", ax_mult_plot, "SPEC -o FILE.svg", "a picture of the relative error: heat map, or by the first operand"},
        {"compare", ax_mult_compare, "A B", "two multipliers side by side: errors, and the pairs that differ"},
        {0},
    };
    return ax_verbs_run(rows, argc, argv);
}
