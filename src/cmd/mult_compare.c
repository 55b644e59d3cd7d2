/* approxrun mult compare: two multipliers side by side, on the same operands. */
#include "cmd/mult.h"

#include "base/error.h"
#include "base/json.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX = 2 * AX_SPEC_MAX + 16, BETWEEN = 2 };

typedef struct {
    const ax_lut *a, *b;
    const ax_operand_source *operands;
    const ax_errors *rows[3];          /* of a, of b, of a against b */
    ax_errors_pair found;
} comparison;

static bool equal(const comparison *c)
{
    return c->found.between.error_rate == 0;
}

static long long fraction_of(const comparison *c, float operand)
{
    return llround(ldexp((double)operand - 1, c->found.first.width));
}

static void print_metrics(const comparison *c)
{
    char names[3][NAME_MAX];
    int width = 0;
    ax_lut_format(names[0], NAME_MAX, c->a);
    ax_lut_format(names[1], NAME_MAX, c->b);
    snprintf(names[BETWEEN], NAME_MAX, "%s against %s", c->a->spec, c->b->spec);
    for (int k = 0; k < 3; k++) width = (int)strlen(names[k]) > width ? (int)strlen(names[k]) : width;
    ax_operand_source_text(c->operands);
    ax_errors_heading(width);
    for (int k = 0; k < 3; k++) ax_errors_line(width, names[k], c->rows[k], c->operands->side[0] != NULL);
    putchar('\n');
}

/* A column as wide as its title, or as a product's digits. */
static int column(const char *title)
{
    int n = (int)strlen(title);
    return n > 12 ? n : 12;
}

static void print_differences(const comparison *c)
{
    int wa = column(c->a->spec), wb = column(c->b->spec);
    printf("\nthe first that differ, as fractions i, j of %d bits, significands and products\n", c->found.first.width);
    printf("%8s %8s %12s %12s %12s %*s %*s\n", "i", "j", "a", "b", "exact", wa, c->a->spec, wb, c->b->spec);
    for (int k = 0; k < c->found.differences; k++) {
        double a = (double)c->found.difference[k].a, b = (double)c->found.difference[k].b;
        printf("%8lld %8lld %12.9g %12.9g %12.9g %*.9g %*.9g\n", fraction_of(c, c->found.difference[k].a), fraction_of(c, c->found.difference[k].b),
               a, b, a * b, wa, c->found.difference[k].first, wb, c->found.difference[k].second);
    }
}

static void print_text(const comparison *c)
{
    char t[4][24];
    const ax_errors_pair *f = &c->found;
    print_metrics(c);
    if (equal(c)) {
        printf("equal: the same product for %s%.0f pairs\n", f->first.sampled ? "each of the drawn " : "all ", f->first.pairs);
        return;
    }
    printf("products differ for %s %% of the pairs\n", ax_percent(t[0], f->between.error_rate, 0));
    printf("|error| of %s is smaller for %s %%, equal for %s %%, larger for %s %%\n", c->a->spec, ax_percent(t[1], f->smaller, 0),
           ax_percent(t[2], f->equal, 0), ax_percent(t[3], f->larger, 0));
    print_differences(c);
}

/* The third line has no shares: |error| is that of a product against the exact one. */
static void print_csv(const comparison *c)
{
    const char *names[] = {c->a->spec, c->b->spec, c->a->spec}, *against[] = {"exact product", "exact product", c->b->spec};
    const ax_errors_pair *f = &c->found;
    ax_errors_csv_heading();
    printf(",smaller,equal,larger");
    ax_operand_source_csv_heading(c->operands);
    putchar('\n');
    for (int k = 0; k < 3; k++) {
        ax_errors_csv(names[k], against[k], c->rows[k]);
        if (k == BETWEEN) printf(",,,");
        else printf(",%.17g,%.17g,%.17g", k ? f->larger : f->smaller, f->equal, k ? f->smaller : f->larger);
        ax_operand_source_csv(c->operands);
        putchar('\n');
    }
}

static void add_differences(cJSON *array, const comparison *c)
{
    for (int k = 0; k < c->found.differences; k++) {
        cJSON *object = cJSON_CreateObject();
        double a = (double)c->found.difference[k].a, b = (double)c->found.difference[k].b;
        cJSON_AddItemToArray(array, object);
        ax_json_set_number(object, "i", (double)fraction_of(c, c->found.difference[k].a));
        ax_json_set_number(object, "j", (double)fraction_of(c, c->found.difference[k].b));
        ax_json_set_number(object, "a", a);
        ax_json_set_number(object, "b", b);
        ax_json_set_number(object, "exact", a * b);
        ax_json_set_number(object, "product_a", c->found.difference[k].first);
        ax_json_set_number(object, "product_b", c->found.difference[k].second);
    }
}

static int print_json(const comparison *c)
{
    static const char *const names[] = {"a", "b", "a_against_b"};
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "a", c->a->spec);
    ax_json_set_string(tree, "b", c->b->spec);
    ax_operand_source_json(tree, c->operands);
    cJSON *errors = ax_json_set_object(tree, "errors");
    for (int k = 0; k < 3; k++) ax_errors_json(ax_json_set_object(errors, names[k]), c->rows[k]);
    ax_json_set_bool(tree, "equal", equal(c));
    ax_json_set_number(tree, "differ", c->found.between.error_rate);
    cJSON *shares = ax_json_set_object(tree, "error_of_a");
    ax_json_set_number(shares, "smaller", c->found.smaller);
    ax_json_set_number(shares, "equal", c->found.equal);
    ax_json_set_number(shares, "larger", c->found.larger);
    add_differences(ax_json_set_array(tree, "differences"), c);
    return ax_output_json(tree);
}

static int compare(ax_operand_source *operands, const ax_lut *a, const ax_lut *b, bool json, bool csv)
{
    comparison c = {.a = a, .b = b, .operands = operands, .rows = {&c.found.first, &c.found.second, &c.found.between}};
    AX_TRY(ax_operand_source_open(operands, "mult compare"));
    AX_TRY(ax_errors_compare(&c.found, a, b, operands->side[0], operands->side[1]));
    if (json) return print_json(&c);
    (csv ? print_csv : print_text)(&c);
    return AX_OK;
}

int ax_mult_compare(int argc, char **argv)
{
    bool json = false, csv = false;
    ax_operand_source operands = {0};
    const ax_option options[] = {
        AX_OPERAND_OPTIONS(operands),
        {"csv", 0, AX_OPT_FLAG, &csv, NULL, "print CSV; errors and shares as fractions", 0, 0},
        {"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON; errors and shares as fractions", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "mult compare", "A B", "Two multipliers side by side, on the same operands.",
        "The error metrics of each against the exact product and of A against B, the share of pairs whose products differ, how\n"
        "often |error| of A is smaller or larger, and the first pairs that differ. Operands have the wider one's width and are\n"
        "those of `mult errors`.", 2, 2};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    if (csv && json) return ax_fail(AX_EARG, "mult compare: --csv and --json exclude each other");
    ax_lut *a = ax_lut_open(args.items[0]), *b = a ? ax_lut_open(args.items[1]) : NULL;
    int status = b ? compare(&operands, a, b, json, csv) : ax_errstatus();
    ax_operand_source_release(&operands);
    ax_lut_close(a);
    ax_lut_close(b);
    return status;
}
