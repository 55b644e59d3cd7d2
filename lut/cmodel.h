/* Multipliers that are a C function in a user's file, `c:FILE[,symbol=NAME][,width=M]`.
 *
 * The function is compiled with the system's compiler and tried in a child process with limits, so that nothing it does ends this
 * one: up to width 11 the child hands back its table, above the child tries a sample and the function is then called here, for
 * each product. It must be pure: the same result for the same operands, from any thread, with nothing else changed. */
#ifndef AX_LUT_CMODEL_H
#define AX_LUT_CMODEL_H

#include <stdint.h>

/* What the function's declaration says it is. */
enum ax_cmodel_kind {
    AX_CMODEL_NONE,
    AX_CMODEL_FLOAT,         /* float f(float, float): of significands in [1, 2), the result in [1, 4) */
    AX_CMODEL_WORD,          /* uint32_t f(uint32_t i, uint32_t j): of m-bit fractions, carry << 23 | fraction in place */
    AX_CMODEL_WORD_WIDTH,    /* uint32_t f(uint32_t m, uint32_t i, uint32_t j): the same */
    AX_CMODEL_INTEGER        /* unsigned f(unsigned, unsigned): of 2^m + i and 2^m + j, their product of 2m + 2 bits */
};

enum { AX_CMODEL_FILE_MAX = 448, AX_CMODEL_SYMBOL_MAX = 128 };

typedef struct {
    char file[AX_CMODEL_FILE_MAX];            /* as the spec names it */
    char symbol[AX_CMODEL_SYMBOL_MAX];
    char keys[AX_CMODEL_SYMBOL_MAX + 32];     /* of the canonical spec: ",symbol=f,width=7", those that the file leaves open */
    char sha256[65];                          /* of the width, the symbol and the words of the preprocessed text, system headers left out */
    enum ax_cmodel_kind kind;
    int width;
    double area_um2, power_mw, delay_ns;      /* from an EvoApproxLib header comment; NaN: the file does not say */
} ax_cmodel_info;

typedef struct ax_cmodel ax_cmodel;

/* `text` is what follows "c:" in `spec`. NULL: AX_EARG (a key, no width, no function or several that fit), AX_ENOENT (no such file,
 * no compiler), AX_EFORMAT (it does not compile, with the compiler's own text; it crashed, ended the process, took too long, or
 * gave a result out of range: which, and for which operands), AX_ESTORE (the cache cannot be written). */
ax_cmodel *ax_cmodel_open(const char *spec, const char *text);
void ax_cmodel_close(ax_cmodel *c);

const ax_cmodel_info *ax_cmodel_about(const ax_cmodel *c);

/* The table of lut/view.h's words, which the caller takes over; NULL above AX_TABLE_MAX_WIDTH, and the second time. */
uint32_t *ax_cmodel_take_words(ax_cmodel *c);

/* Above that width: a product's word, by the function itself, which the first call loads into this process. A result out of
 * range, which the sample missed, counts as the nearest in range. Any thread may call it. */
uint32_t ax_cmodel_word(const void *c, uint32_t i, uint32_t j);

#endif
