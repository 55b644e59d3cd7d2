/* The set of FP32 vector kernels of an instruction set. The including file defines SET, ISA, ISA_NAME and SUM_BLOCK, the k of a
 * block of sums. */
#include "kernels/cpu/wide/biased.h"
#include "kernels/cpu/wide/code.h"
#include "kernels/cpu/wide/columns.h"
#include "kernels/cpu/wide/product.h"
#include "kernels/cpu/wide/sum.h"

const ax_gemm_kernel SET[] = {
    {ISA_NAME "-fma", ISA, serves_native, fits_native, PRODUCT_LANES, 512, 96, 4, 4 * PRODUCT_LANES, pack_product_rows,
     pack_product_lanes, NULL, add_native},
    {ISA_NAME "-sum", ISA, serves_sum, ax_gemm_in_range, SUM_LANES, SUM_BLOCK, 96, 4, sizeof(sum_entry), pack_sum_rows,
     pack_sum_lanes, NULL, add_sum},
    {ISA_NAME "-product", ISA, serves_product, fits_product, PRODUCT_LANES, 512, 96, 4, 4 * PRODUCT_LANES,
     pack_product_rows, pack_product_lanes, NULL, add_product},
    {ISA_NAME "-biased-sum", ISA, serves_biased, ax_gemm_in_range, BIASED_LANES, 256, 96, sizeof(biased_chunk) / CHUNK,
     sizeof(biased_entry), pack_biased_rows, pack_biased_lanes, NULL, add_biased},
    {ISA_NAME "-columns", ISA, serves_columns, fits_columns, COLUMNS_LANES, COLUMNS_BLOCK, AX_GROUP_MAX, sizeof(columns_row),
     sizeof(columns_entry), pack_columns_rows, pack_columns_lanes, NULL, add_columns},
#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    {ISA_NAME "-code-" #name, ISA, serves_##name##_code, ax_gemm_in_range, CODE_LANES, 128, 160, sizeof(code_row),       \
     sizeof(code_entry), pack_code_rows, pack_code_lanes, NULL, add_##name##_code},
#include "lut/models.def"
    {0},
};
