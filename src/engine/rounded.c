/* Rounded copies of operands. Invariant: what a product or a gradient reads is either two tensors or copies of both. */
#include "engine/rounded.h"

#include "base/error.h"
#include "engine/engine.h"

int ax_rounded_operands(const float *at[2], const ax_tensor *x, const ax_tensor *y, const ax_lut_view *lut)
{
    ax_engine *e = x->engine;
    bool same = x->data == y->data && x->size == y->size && lut->round[0] == lut->round[1];
    at[0] = x->data;
    at[1] = y->data;
    if (!lut->round[0]) return AX_OK;
    size_t first = ((size_t)x->size * sizeof(float) + 63) / 64 * 64;
    char *room = ax_engine_room(e, first + (same ? 0 : (size_t)y->size * sizeof(float)));
    if (!room) return ax_errstatus();
    float *copy[2] = {(float *)(void *)room, (float *)(void *)(same ? room : room + first)};
    e->kernels->round_operand(copy[0], x->data, lut->round[0], x->size);
    if (!same) e->kernels->round_operand(copy[1], y->data, lut->round[1], y->size);
    at[0] = copy[0];
    at[1] = copy[1];
    return AX_OK;
}
