/* The FP32 vector kernels for AVX-512. */
#ifdef __AVX512F__
#include "kernels/cpu/wide/biased.h"
#include "kernels/cpu/wide/code.h"
#include "kernels/cpu/wide/columns.h"
#include "kernels/cpu/wide/product.h"
#include "kernels/cpu/wide/sum.h"

const ax_gemm_kernel ax_gemm_avx512[] = {
    {"avx512-fma", AX_ISA_AVX512, serves_native, fits_native, PRODUCT_LANES, 512, 96, 4, 4 * PRODUCT_LANES, pack_product_rows,
     pack_product_lanes, NULL, add_native},
    {"avx512-sum", AX_ISA_AVX512, serves_sum, ax_gemm_in_range, SUM_LANES, 512, 96, 4, sizeof(sum_entry), pack_sum_rows,
     pack_sum_lanes, NULL, add_sum},
    {"avx512-product", AX_ISA_AVX512, serves_product, fits_product, PRODUCT_LANES, 512, 96, 4, 4 * PRODUCT_LANES,
     pack_product_rows, pack_product_lanes, NULL, add_product},
    {"avx512-biased-sum", AX_ISA_AVX512, serves_biased, ax_gemm_in_range, BIASED_LANES, 256, 96, sizeof(biased_chunk) / CHUNK,
     sizeof(biased_entry), pack_biased_rows, pack_biased_lanes, NULL, add_biased},
    {"avx512-columns", AX_ISA_AVX512, serves_columns, fits_columns, COLUMNS_LANES, COLUMNS_BLOCK, AX_GROUP_MAX, sizeof(columns_row),
     sizeof(columns_entry), pack_columns_rows, pack_columns_lanes, NULL, add_columns},
#define AX_FAMILY(name, widest, form, title, reference)                                                                \
    {"avx512-code-" #name, AX_ISA_AVX512, serves_##name##_code, ax_gemm_in_range, CODE_LANES, 128, 160, sizeof(code_row), \
     sizeof(code_entry), pack_code_rows, pack_code_lanes, NULL, add_##name##_code},
#include "lut/models.def"
#undef AX_FAMILY
    {0},
};
#endif
