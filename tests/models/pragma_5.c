/* Mitchell's sum for m = 5, behind directives that outlive preprocessing. */
#pragma STDC FP_CONTRACT OFF
#pragma GCC optimize ("O1")

static unsigned add(unsigned i, unsigned j)
{
#pragma GCC ivdep
    for (unsigned n = 0; n < j; n++) i++;
    return i;
}

#pragma GCC diagnostic ignored "-Wunused"
unsigned sum(unsigned i, unsigned j) { return add(i, j) << 18; }
