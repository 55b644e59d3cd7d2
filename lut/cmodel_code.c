/* The code that is compiled behind a user's function, in the same translation unit: there even a static or inline function can be
 * called, and is expanded in place. Its names begin with approxrun_ or ax_, since the user's macros still stand. */
#include "lut/cmodel_parts.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>

/* unsigned is uint32_t wherever this runs; no header is included, since the user's macros could change it. */
static const char prologue[] =
    "\n#line 1 \"approxrun\"\n"
    "int approxrun_try(unsigned ax_i, unsigned ax_j, unsigned *ax_word, double *ax_value);\n"
    "unsigned approxrun_word(unsigned ax_i, unsigned ax_j);\n"
    "int approxrun_try(unsigned ax_i, unsigned ax_j, unsigned *ax_word, double *ax_value)\n"
    "{\n";

static const char epilogue[] =
    "}\n"
    "unsigned approxrun_word(unsigned ax_i, unsigned ax_j)\n"
    "{\n"
    "    unsigned ax_word;\n"
    "    double ax_value;\n"
    "    int ax_side = approxrun_try(ax_i, ax_j, &ax_word, &ax_value);\n"
    "    return ax_side == 0 ? ax_word : ax_side < 0 ? 0u : 0xffffffu;\n"
    "}\n";

/* A float's bits less those of 1 are a word: its exponent's last bit is the carry. */
static void code_float(ax_buf *out, const ax_cmodel_info *info)
{
    int sh = 23 - info->width;
    ax_buf_printf(out,
                  "    union { float ax_float; unsigned ax_bits; } ax_a, ax_b, ax_p;\n"
                  "    ax_a.ax_bits = 0x3f800000u | ax_i << %d;\n"
                  "    ax_b.ax_bits = 0x3f800000u | ax_j << %d;\n"
                  "    ax_p.ax_float = %s(ax_a.ax_float, ax_b.ax_float);\n"
                  "    *ax_value = ax_p.ax_float;\n"
                  "    *ax_word = ax_p.ax_bits - 0x3f800000u;\n"
                  "    return ax_p.ax_float < 1 ? -1 : ax_p.ax_float < 4 ? 0 : 1;\n",
                  sh, sh, info->symbol);
}

static void code_word(ax_buf *out, const ax_cmodel_info *info)
{
    if (info->kind == AX_CMODEL_WORD_WIDTH) ax_buf_printf(out, "    *ax_word = %s(%du, ax_i, ax_j);\n", info->symbol, info->width);
    else ax_buf_printf(out, "    *ax_word = %s(ax_i, ax_j);\n", info->symbol);
    ax_buf_puts(out, "    *ax_value = *ax_word;\n"
                     "    return *ax_word > 0xffffffu;\n");
}

/* Bit 2m + 1 of the product is the carry. Of the bits below the leading one, the first m are kept and moved to a float's place. */
static void code_integer(ax_buf *out, const ax_cmodel_info *info)
{
    int m = info->width;
    ax_buf_printf(out,
                  "    unsigned long long ax_p = %s(%uu + ax_i, %uu + ax_j);\n"
                  "    unsigned ax_carry = ax_p >> %d & 1;\n"
                  "    *ax_value = (double)ax_p;\n"
                  "    *ax_word = ax_carry << 23 | (unsigned)(ax_p >> ax_carry >> %d & %uu) << %d;\n"
                  "    return ax_p < %lluull ? -1 : ax_p < %lluull ? 0 : 1;\n",
                  info->symbol, 1u << m, 1u << m, 2 * m + 1, m, (1u << m) - 1, 23 - m, 1ull << 2 * m, 1ull << (2 * m + 2));
}

void ax_cmodel_code(ax_buf *out, const ax_cmodel_info *info)
{
    ax_buf_puts(out, prologue);
    if (info->kind == AX_CMODEL_FLOAT) code_float(out, info);
    else if (info->kind == AX_CMODEL_INTEGER) code_integer(out, info);
    else code_word(out, info);
    ax_buf_puts(out, epilogue);
}

void ax_cmodel_device_code(ax_buf *out, const ax_buf *preprocessed, const ax_buf *code)
{
    ax_cmodel_own(out, preprocessed->data, preprocessed->len, true);
    ax_buf_add(out, code->data, code->len);
}

int ax_cmodel_out_of_range(const ax_cmodel_info *info, uint32_t i, uint32_t j, double value)
{
    int m = info->width;
    double a = 1 + ldexp(i, -m), b = 1 + ldexp(j, -m);
    if (info->kind == AX_CMODEL_FLOAT)
        return ax_fail(AX_EFORMAT, "%s: %s(%.9g, %.9g) is %.9g, wanted at least 1 and less than 4", info->file, info->symbol, a, b, value);
    if (info->kind == AX_CMODEL_INTEGER)
        return ax_fail(AX_EFORMAT, "%s: %s(%u, %u) is %.0f, wanted %.0f to %.0f, as a product of two significands of %d bits is", info->file,
                       info->symbol, (1u << m) + i, (1u << m) + j, value, ldexp(1, 2 * m), ldexp(1, 2 * m + 2) - 1, m + 1);
    return ax_fail(AX_EFORMAT, "%s: %s of the fractions %u and %u is 0x%llx, wanted carry << 23 | fraction, at most 0xffffff", info->file,
                   info->symbol, i, j, (unsigned long long)value);
}
