/* `approxrun summary`: the layers of an experiment's model as a table. The script computes; this file only prints. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/assignment.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "script/script.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 5, CELL = 128 };

typedef struct {
    char cell[COLUMNS][CELL];
} table_row;

/* 1234567 -> "1,234,567"; counts are whole and below 2^53. */
static void grouped(char *out, size_t size, double v)
{
    char digits[40];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%.0f", v), at = 0;
    for (size_t i = 0; i < n && at + 2 < size; i++) {
        if (i && (n - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

/* [28,28,6] -> "28 x 28 x 6" */
static void shape_text(char *out, size_t size, const cJSON *shape)
{
    size_t at = 0;
    const cJSON *d;
    out[0] = 0;
    cJSON_ArrayForEach(d, shape)
        if (at < size) at += (size_t)snprintf(out + at, size - at, "%s%.0f", at ? " x " : "", d->valuedouble);
}

static const cJSON *multiplier_of(const cJSON *layer) { return cJSON_GetObjectItemCaseSensitive(layer, "multiplier"); }

/* A layer's rows: the first has all cells, the others the multipliers of later epochs alone. Gives how many there are. */
static int layer_rows(table_row *r, const cJSON *layer)
{
    int n = ax_assignment_lines(multiplier_of(layer));
    snprintf(r->cell[0], CELL, "%s (%s)", ax_json_get_string(layer, "name", ""), ax_json_get_string(layer, "type", ""));
    shape_text(r->cell[1], CELL, cJSON_GetObjectItemCaseSensitive(layer, "output"));
    grouped(r->cell[2], CELL, ax_json_get_number(layer, "parameters", 0));
    grouped(r->cell[3], CELL, ax_json_get_number(layer, "multiplies", 0));
    for (int i = 0; i < n; i++) ax_assignment_text(r[i].cell[4], CELL, multiplier_of(layer), i);
    return n;
}

/* Columns 0, 1 and 4 are text, 2 and 3 numbers, which stand to the right. */
static void print_row(const table_row *r, const int *width)
{
    printf("%-*s  %-*s  %*s  %*s%s%s\n", width[0], r->cell[0], width[1], r->cell[1], width[2], r->cell[2], width[3],
           r->cell[3], r->cell[4][0] ? "  " : "", r->cell[4]);
}

static void print_rule(const int *width)
{
    int total = 2 * (COLUMNS - 1);
    for (int c = 0; c < COLUMNS; c++) total += width[c];
    for (int i = 0; i < total; i++) putchar('-');
    putchar('\n');
}

static void print_totals(const cJSON *tree)
{
    static const char *const passes[] = {"forward", "grad_input", "grad_weight", "total"};
    const cJSON *multiplies = cJSON_GetObjectItemCaseSensitive(tree, "multiplies");
    char text[CELL];
    grouped(text, sizeof text, ax_json_get_number(tree, "parameters", 0));
    printf("parameters: %s\nmultiplies a sample:", text);
    for (int i = 0; i < 4; i++) {
        grouped(text, sizeof text, ax_json_get_number(multiplies, passes[i], 0));
        printf("%s %s %s", i ? "," : "", passes[i], text);
    }
    putchar('\n');
}

static int print_table(const cJSON *tree)
{
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(tree, "layers"), *layer;
    int n = 1, at = 1, width[COLUMNS] = {0};
    cJSON_ArrayForEach(layer, layers) n += ax_assignment_lines(multiplier_of(layer));
    table_row *rows = ax_alloc((size_t)n, sizeof *rows);
    if (!rows) return AX_ENOMEM;
    rows[0] = (table_row){{"Layer (type)", "Output shape", "Parameters", "Multiplies", "Multiplier"}};
    cJSON_ArrayForEach(layer, layers) at += layer_rows(&rows[at], layer);
    for (int i = 0; i < n; i++)
        for (int c = 0; c < COLUMNS; c++)
            if ((int)strlen(rows[i].cell[c]) > width[c]) width[c] = (int)strlen(rows[i].cell[c]);
    char input[CELL];
    shape_text(input, sizeof input, cJSON_GetObjectItemCaseSensitive(tree, "input"));
    printf("%s, input %s, multiplier %s\n\n", ax_json_get_string(tree, "name", ""), input,
           ax_json_get_string(tree, "multiplier", ""));
    print_row(&rows[0], width);
    print_rule(width);
    for (int i = 1; i < n; i++) print_row(&rows[i], width);
    print_rule(width);
    print_totals(tree);
    ax_free(rows);
    return AX_OK;
}

int cmd_summary(int argc, char **argv)
{
    bool json = false;
    const ax_usage usage = {
        .name = "summary",
        .usage = "FILE.lua [key=value...]",
        .summary = "layers, shapes, parameters and multiplies of a model",
        .details = "Shows the first trial of the grid. Multiplies are products of one sample: forward, gradient by the input,\n"
                   "gradient by the weights.",
        .min_args = 1,
        .max_args = -1,
    };
    const ax_option options[] = {{.name = "json", .kind = AX_OPT_FLAG, .value = &json, .help = "JSON instead of a table"}, {0}};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    ax_script *s = ax_script_open(args.items[0], NULL, ax_common_options.verbose);
    if (!s) return ax_errstatus();
    char *text = NULL;
    cJSON *tree;
    int status = ax_script_summary(s, args.items + 1, args.n - 1, &text);
    if (status != AX_OK) goto out;
    tree = ax_json_parse(text, strlen(text), "summary");
    if (!tree) {
        status = ax_errstatus();
    } else if (json) {
        status = ax_output_json(tree);
    } else {
        status = print_table(tree);
        cJSON_Delete(tree);
    }
out:
    ax_free(text);
    ax_script_close(s);
    return status;
}
