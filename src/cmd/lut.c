/* approxrun lut: table files: build, info, check. */
#include "lut/lut.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/mult.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "lut/file.h"

#include <stdio.h>
#include <string.h>

/* What --width, --width-a, --width-b and --format say; 0 and NULL: nothing. */
typedef struct {
    int64_t width, a, b;
    const char *format;
} table_keys;

/* The spec with what the options say, where it does not itself: "mbm" and 7 give "mbm:7", a table gets keys. */
static int spec_with(char out[AX_SPEC_MAX], const char *spec, const table_keys *k)
{
    bool file = !strncmp(spec, "lut:", 4);
    ax_buf text = {0};
    ax_buf_puts(&text, spec);
    if (k->width) ax_buf_printf(&text, file ? ",width=%d" : ":%d", (int)k->width);
    if (k->a) ax_buf_printf(&text, ",width_a=%d", (int)k->a);
    if (k->b) ax_buf_printf(&text, ",width_b=%d", (int)k->b);
    if (k->format) ax_buf_printf(&text, ",format=%s", k->format);
    int status = ax_buf_status(&text);
    if (status == AX_OK && text.len >= AX_SPEC_MAX) status = ax_fail(AX_EARG, "multiplier '%.60s...': longer than %d bytes", spec, AX_SPEC_MAX);
    if (status == AX_OK) snprintf(out, AX_SPEC_MAX, "%s", ax_buf_str(&text));
    ax_buf_release(&text);
    return status;
}

static int check_build_width(const char *spec, int64_t width)
{
    if (!width || !strncmp(spec, "lut:", 4) || !strchr(spec, ':')) return AX_OK;
    return ax_fail(AX_EARG, "lut build: '%s' names its width and --width says %d; leave one out", spec, (int)width);
}

static int check_plain(const ax_lut *lut, const char *verb)
{
    if (!lut->view.round[0] && !lut->view.compat) return AX_OK;
    return ax_fail(AX_EARG, "lut %s: %s: a table holds neither operands nor compat; leave them out, and say them where it is used", verb, lut->spec);
}

/* The table's widths: those of --width-a and --width-b, else the multiplier's own. */
static int choose_widths(ax_table_widths *w, const ax_lut *lut, int64_t a, int64_t b)
{
    *w = a || b ? (ax_table_widths){(int)a, (int)b} : (ax_table_widths){lut->width_a, lut->width_b};
    if (!lut->words)
        return ax_fail(AX_EARG, "lut build: %s has no table, wanted a multiplier of width 1 to %d", lut->spec, AX_TABLE_MAX_WIDTH);
    AX_TRY(check_plain(lut, "build"));
    if (!w->a || !w->b) return ax_fail(AX_EARG, "lut build: --width-%c is missing, wanted both --width-a and --width-b", w->a ? 'b' : 'a');
    if (w->a > lut->width || w->b > lut->width)
        return ax_fail(AX_EARG, "lut build: widths %d and %d, wanted 1 to %d, the width of %s", w->a, w->b, lut->width, lut->spec);
    return AX_OK;
}

/* How it must be read, where its name and size do not say it. */
static void print_how_to_read(const char *path, size_t size, ax_table_widths w)
{
    int width = 0;
    enum ax_table_format seen = AX_TABLE_ANY;
    if (w.a != w.b) fprintf(stderr, "%s: read it as 'lut:%s,width_a=%d,width_b=%d'\n", path, path, w.a, w.b);
    else if (ax_table_infer(&width, &seen, path, size) != AX_OK || width != w.a)
        fprintf(stderr, "%s: name and size do not tell the width: read it as 'lut:%s,width=%d'\n", path, path, w.a);
}

static int write_table(const ax_lut *lut, const char *path, enum ax_table_format format, ax_table_widths w)
{
    int widest = w.a > w.b ? w.a : w.b;
    if (format == AX_TABLE_ANY) format = widest <= AX_TABLE_U8_MAX_WIDTH ? AX_TABLE_U8 : AX_TABLE_U32;
    ax_buf bytes;
    ax_buf_init(&bytes);
    int status = ax_table_encode_widths(&bytes, lut->words, lut->width, w, format, lut->spec);
    if (status == AX_OK) status = ax_output_bytes(&bytes, path);
    if (status == AX_OK && strcmp(path, "-") && !ax_common_options.quiet) {
        fprintf(stderr, "%s: %s as %s, %zu bytes\n", path, lut->spec, ax_table_format_name(format), bytes.len);
        print_how_to_read(path, bytes.len, w);
    }
    ax_buf_release(&bytes);
    return status;
}

static int lut_build(int argc, char **argv)
{
    const char *out = NULL, *format_name = NULL;
    table_keys keys = {0};
    int64_t a = 0, b = 0;
    const ax_option options[] = {
        {"output", 'o', AX_OPT_TEXT, &out, "FILE", "the table file, best named NAME_WIDTH.bin (-: stdout)", 0, 0},
        {"width", 0, AX_OPT_INT, &keys.width, "M", "width, if SPEC names none", 1, AX_TABLE_MAX_WIDTH},
        {"width-a", 0, AX_OPT_INT, &a, "M", "bits of the first operand in the table", 1, AX_TABLE_MAX_WIDTH},
        {"width-b", 0, AX_OPT_INT, &b, "M", "bits of the second", 1, AX_TABLE_MAX_WIDTH},
        {"format", 0, AX_OPT_TEXT, &format_name, "u8|u32", "default u8 up to width 7, u32 above", 0, 0},
        {0},
    };
    const ax_usage usage = {
        "lut build", "SPEC -o FILE", "Writes the table of a multiplier.",
        "u8 is ApproxTrain's format: 4^m bytes, entry (i << m) | j, bit 7 carry, low m bits fraction. u32 (m up to 11): 4^m\n"
        "little-endian words, bit 31 carry, bits 22..0 fraction. A table file is a multiplier too, so this converts: lut:FILE.\n"
        "--width-a A --width-b B: 2^(A + B) entries, entry (i << B) | j, operands truncated further, each to its own width.", 1, 1};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    if (!out) return ax_fail(AX_EARG, "lut build: -o FILE is missing");
    char spec[AX_SPEC_MAX];
    enum ax_table_format format = AX_TABLE_ANY;
    if (format_name) AX_TRY(ax_table_format_parse(&format, format_name));
    AX_TRY(check_build_width(args.items[0], keys.width));
    AX_TRY(spec_with(spec, args.items[0], &keys));
    ax_lut *lut = ax_lut_open(spec);
    if (!lut) return ax_errstatus();
    ax_table_widths w;
    int status = choose_widths(&w, lut, a, b);
    if (status == AX_OK) status = write_table(lut, out, format, w);
    ax_lut_close(lut);
    return status;
}

/* "FILE" and what the options say, as a spec. */
static int file_spec(char spec[AX_SPEC_MAX], const char *path, const table_keys *k)
{
    char plain[AX_SPEC_MAX];
    if (snprintf(plain, sizeof plain, "lut:%s", path) >= (int)sizeof plain)
        return ax_fail(AX_EARG, "table %.60s...: the name is longer than %d bytes", path, AX_SPEC_MAX);
    return spec_with(spec, plain, k);
}

static int info_json(const ax_mult *m, const char *path)
{
    cJSON *tree = cJSON_CreateObject();
    ax_errors e;
    ax_errors_measure(&e, ax_mult_lut(m), NULL);
    ax_json_set_number(tree, "schema", 1);
    ax_json_set_string(tree, "file", path);
    ax_json_set_string(tree, "multiplier", ax_mult_spec(m));
    ax_json_set_string(tree, "family", ax_mult_family(m));
    ax_json_set_number(tree, "width", ax_mult_width(m));
    ax_json_set_number(tree, "width_a", ax_mult_lut(m)->width_a);
    ax_json_set_number(tree, "width_b", ax_mult_lut(m)->width_b);
    ax_json_set_string(tree, "format", ax_mult_lut(m)->format);
    ax_mult_facts_json(tree, m);
    ax_errors_json(ax_json_set_object(tree, "errors"), &e);
    return ax_output_json(tree);
}

static int info_text(const ax_mult *m, const char *path)
{
    const ax_plan *plan = ax_mult_plan(m);
    char name[AX_SPEC_MAX + 32], fact[2][AX_FACT_MAX], t[5][24];
    int width = ax_mult_width(m);
    ax_errors e;
    ax_errors_measure(&e, ax_mult_lut(m), NULL);
    ax_lut_format(name, sizeof name, ax_mult_lut(m));
    printf("file         %s\n", path);
    printf("multiplier   %s\n", name);
    printf("format       %s, %d x %d entries\n", ax_mult_lut(m)->format, 1 << ax_mult_lut(m)->width_a, 1 << ax_mult_lut(m)->width_b);
    printf("sha256       %s (of its u32 form)\n", ax_mult_sha256(m));
    printf("live bits    %s of the first operand, %s of the second\n", ax_mult_bits(fact[0], plan->mask_a, width),
           ax_mult_bits(fact[1], plan->mask_b, width));
    printf("distinct     %d rows, %d columns\n", plan->distinct_rows, plan->distinct_columns);
    printf("output bits  %d\n", plan->out_bits);
    printf("structure    %s\n", ax_mult_structure(fact[0], plan));
    printf("errors       MRED %s %%, bias %s %%, from %s to %s %%, wrong %s %%\n", ax_percent(t[0], e.mred, 0), ax_percent(t[1], e.bias, 1),
           ax_percent(t[2], e.min, 1), ax_percent(t[3], e.max, 1), ax_percent(t[4], e.error_rate, 0));
    printf("kernel       %s\n", ax_mult_kernels(fact[0], plan));
    return AX_OK;
}

static int lut_info(int argc, char **argv)
{
    table_keys keys = {0};
    bool json = false;
    const ax_option options[] = {
        {"width", 0, AX_OPT_INT, &keys.width, "M", "width, where name and size do not tell it", 1, AX_TABLE_MAX_WIDTH},
        {"width-a", 0, AX_OPT_INT, &keys.a, "M", "bits of the first operand, where they are not as many as", 1, AX_TABLE_MAX_WIDTH},
        {"width-b", 0, AX_OPT_INT, &keys.b, "M", "those of the second", 1, AX_TABLE_MAX_WIDTH},
        {"format", 0, AX_OPT_TEXT, &keys.format, "u8|u32", "format, where name and size do not tell it", 0, 0},
        {"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON", 0, 0},
        {0},
    };
    const ax_usage usage = {"lut info", "FILE", "What a table file holds, its errors, and the kernel that serves it.", NULL, 1, 1};
    ax_texts args;
    char spec[AX_SPEC_MAX];
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    AX_TRY(file_spec(spec, args.items[0], &keys));
    const ax_mult *m = ax_mult_get(spec);
    if (!m) return ax_errstatus();
    return json ? info_json(m, args.items[0]) : info_text(m, args.items[0]);
}

static int compare_tables(const ax_lut *file, const ax_lut *other, const char *path)
{
    if (!other->words) return ax_fail(AX_EARG, "lut check: %s has no table, wanted a multiplier of width 1 to %d", other->spec, AX_TABLE_MAX_WIDTH);
    AX_TRY(check_plain(other, "check"));
    if (file->width != other->width)
        return ax_fail(AX_EFAILED, "%s: width %d, and %s has %d", path, file->width, other->spec, other->width);
    size_t n = (size_t)1 << 2 * file->width, first = n, differ = 0;
    for (size_t k = 0; k < n; k++) {
        if (file->words[k] == other->words[k]) continue;
        if (!differ++) first = k;
    }
    if (!differ) return AX_OK;
    uint32_t f = file->words[first], o = other->words[first];
    return ax_fail(AX_EFAILED, "%s: differs from %s in %zu of %zu entries, first at (%zu, %zu): found carry %u fraction 0x%06x, wanted carry %u fraction 0x%06x",
                   path, other->spec, differ, n, first >> file->width, first & (((size_t)1 << file->width) - 1), f >> 23, f & 0x7fffff,
                   o >> 23, o & 0x7fffff);
}

static int lut_check(int argc, char **argv)
{
    table_keys keys = {0};
    const ax_option options[] = {
        {"width", 0, AX_OPT_INT, &keys.width, "M", "width of FILE, where name and size do not tell it", 1, AX_TABLE_MAX_WIDTH},
        {"width-a", 0, AX_OPT_INT, &keys.a, "M", "bits of the first operand, where they are not as many as", 1, AX_TABLE_MAX_WIDTH},
        {"width-b", 0, AX_OPT_INT, &keys.b, "M", "those of the second", 1, AX_TABLE_MAX_WIDTH},
        {"format", 0, AX_OPT_TEXT, &keys.format, "u8|u32", "format of FILE, where name and size do not tell it", 0, 0},
        {0},
    };
    const ax_usage usage = {"lut check", "FILE SPEC", "Is a table file the table of a multiplier?",
                            "Exit status 0 if all entries are equal, 1 if not, with the first that differs.", 2, 2};
    ax_texts args;
    char spec[AX_SPEC_MAX];
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    AX_TRY(file_spec(spec, args.items[0], &keys));
    ax_lut *file = ax_lut_open(spec), *other = file ? ax_lut_open(args.items[1]) : NULL;
    int status = other ? compare_tables(file, other, args.items[0]) : ax_errstatus();
    if (status == AX_OK && !ax_common_options.quiet) printf("%s: equal to %s\n", args.items[0], other->spec);
    ax_lut_close(file);
    ax_lut_close(other);
    return status;
}

int cmd_lut(int argc, char **argv)
{
    static const ax_verb rows[] = {
        {"build", lut_build, "SPEC -o FILE", "write the table of a multiplier"},
        {"info", lut_info, "FILE", "what a table file holds"},
        {"check", lut_check, "FILE SPEC", "is it the table of this multiplier?"},
        {0},
    };
    return ax_verbs_run(rows, argc, argv);
}
