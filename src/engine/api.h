/* THE header for Lua: what stands between the cdef markers is read by LuaJIT's FFI as it is. Opaque types, plain functions.
 *
 * Every function that returns int gives AX_OK (0) or a negative status with its text in ax_errmsg(); every constructor gives
 * NULL on failure. Nothing here calls back into Lua. Tensors live in the trial's arena and are never freed one by one. */
#ifndef AX_API_H
#define AX_API_H

#include <stddef.h>
#include <stdint.h>

/* cdef begin */
typedef struct ax_engine ax_engine;      /* one backend, one arena, one seed: the numerical side of a trial */
typedef struct ax_tensor ax_tensor;      /* contiguous, NHWC, at most 8 dimensions */
typedef struct ax_mult ax_mult;          /* a multiplier, analysed for the kernels; cached by its spec, valid until the trial ends */
typedef struct ax_dataset ax_dataset;
typedef struct ax_trial ax_trial;
typedef struct ax_capture ax_capture;

const char *ax_errmsg(void);
int ax_errstatus(void);

/* ---- from base, for the Lua side itself: experiment files, ids of trials, spelling suggestions ---- */
int ax_file_read(char **data, size_t *len, const char *path, size_t cap);
int ax_sha256(char hex[65], const void *data, size_t len);
void ax_free(void *p);
const char *ax_text_nearest(const char *word, const char *const *candidates, size_t n);

/* ---- engine (src/engine/engine.c) ---- */
ax_engine *ax_engine_new(const char *device, int threads, int strict);      /* "cpu", or the number of a CUDA device */
void ax_engine_free(ax_engine *e);
int ax_engine_seal(ax_engine *e);                     /* from here on ax_tensor_new fails */
double ax_engine_bytes(const ax_engine *e);
const char *ax_engine_device(const ax_engine *e);     /* "cpu" or "cuda" */
/* From here to the call with key -1 is segment `key` of a training step: the same ops on the same tensors whenever it runs. A
 * device may replay it as one launch. */
int ax_engine_segment(ax_engine *e, int key);
int ax_engine_forget(ax_engine *e);                   /* segments may call other ops from here on */
int ax_engine_wait(ax_engine *e);                     /* until the device has done all it was told */

/* ---- tensors (src/engine/tensor.c); dtype: 0 F32, 1 I32, 2 U8, 3 F64 ---- */
ax_tensor *ax_tensor_new(ax_engine *e, int dtype, int rank, const int64_t *shape);       /* zeroed */
int ax_tensor_rank(const ax_tensor *t);
double ax_tensor_dim(const ax_tensor *t, int i);
double ax_tensor_size(const ax_tensor *t);
int ax_tensor_read(const ax_tensor *t, double *out, double offset, double n);            /* values as doubles */
int ax_tensor_write(ax_tensor *t, const double *in, double offset, double n);
int ax_tensor_reshape(ax_tensor *t, int rank, const int64_t *shape);                     /* same size */
ax_tensor *ax_tensor_alias(ax_engine *e, ax_tensor *t, int rank, const int64_t *shape);  /* same memory, other shape */

/* ---- multipliers (src/engine/mult.c) ---- */
const ax_mult *ax_mult_get(const char *spec);         /* NULL: unknown spec, bad table */
const char *ax_mult_spec(const ax_mult *m);           /* canonical */
const char *ax_mult_family(const ax_mult *m);
int ax_mult_width(const ax_mult *m);
const char *ax_mult_sha256(const ax_mult *m);
double ax_mult_cost(const ax_mult *m, int what);      /* of its circuit, as its own C file says: 0 um2, 1 mW, 2 ns; NaN: it does not */
/* A multiplier of the script's own: its name is declared for n widths, then the table of each, (2^m, 2^m) words of lut/view.h, is
 * given before a spec of that width is looked up. A definition that differs from one before replaces it. */
int ax_mult_declare(const char *name, const int *widths, int n);
int ax_mult_define(const char *name, int width, const uint32_t *words);

/* ---- products (src/engine/ops.c): forward f(x, w); by the input f(dy, w); by the weights f(x, dy) ---- */
/* activation: 0 none, 1 relu, 2 tanh, 3 sigmoid (enum ax_activation): the bits of ax_relu .. ax_sigmoid on the sum and bias. */
/* c (.., m, n) = activation(op(a) x op(b) + bias (n or NULL)); flags: 1 transposes a's last two dimensions, 2 those of b. */
int ax_matmul(ax_tensor *c, const ax_tensor *a, const ax_tensor *b, const ax_tensor *bias, int activation, int flags, const ax_mult *m);
/* x (n,h,w,c), w (kh,kw,c,oc), y (n,oh,ow,oc). Padding at the end follows from y's shape. */
int ax_conv2d(ax_tensor *y, const ax_tensor *x, const ax_tensor *w, const ax_tensor *bias, int activation,
              int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m);
int ax_conv2d_grad_input(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *w,
                         int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m);
int ax_conv2d_grad_weight(ax_tensor *dw, const ax_tensor *x, const ax_tensor *dy,
                          int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m);
int ax_bias_grad(ax_tensor *db, const ax_tensor *dy);                    /* sum over all but the last dimension */

/* ---- estimated gradients of a multiplier up to width 11 (src/engine/gradient.c): docs/multipliers.md, Backward rules ---- */
/* LUT-2D: dx and dw of y = x w from dy, the gradient of each product looked up by both operands. */
int ax_dense_lut2d_grad_input(ax_tensor *dx, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy, const ax_mult *m);
int ax_dense_lut2d_grad_weight(ax_tensor *dw, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy, const ax_mult *m);
int ax_conv2d_lut2d_grad_input(ax_tensor *dx, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy,
                               int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m);
int ax_conv2d_lut2d_grad_weight(ax_tensor *dw, const ax_tensor *x, const ax_tensor *w, const ax_tensor *dy,
                                int stride_h, int stride_w, int pad_h, int pad_w, const ax_mult *m);
/* LUT-1D: y = the gradient of f by its first (by = 0) or second operand (1) where the other is x: a factor of an fp32 product. */
int ax_lut1d(ax_tensor *y, const ax_tensor *x, int by, const ax_mult *m);

/* ---- elementwise, pooling, loss, optimisers (src/engine/ops.c) ---- */
int ax_relu(ax_tensor *y, const ax_tensor *x);
int ax_relu_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y);
int ax_tanh(ax_tensor *y, const ax_tensor *x);
int ax_tanh_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y);
int ax_sigmoid(ax_tensor *y, const ax_tensor *x);
int ax_sigmoid_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *y);
int ax_maxpool(ax_tensor *y, ax_tensor *arg, const ax_tensor *x, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w);
int ax_maxpool_grad(ax_tensor *dx, const ax_tensor *dy, const ax_tensor *arg, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w);
int ax_avgpool(ax_tensor *y, const ax_tensor *x, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w);
int ax_avgpool_grad(ax_tensor *dx, const ax_tensor *dy, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w);
int ax_dropout(ax_tensor *y, const ax_tensor *x, double rate, double seed, double layer, double step);    /* its own gradient: dx from dy */
/* logits (rows, classes), labels I32 (rows), totals F64 (3): loss sum, correct, rows, added to; dlogits may be NULL. */
int ax_softmax_xent(ax_tensor *dlogits, ax_tensor *totals, const ax_tensor *logits, const ax_tensor *labels);
int ax_argmax(ax_tensor *index, const ax_tensor *x);
int ax_sgd_step(ax_tensor *w, ax_tensor *velocity, const ax_tensor *g, double lr, double momentum, double weight_decay, int nesterov);
int ax_adam_step(ax_tensor *w, ax_tensor *m, ax_tensor *v, const ax_tensor *g, double lr, double beta1, double beta2,
                 double eps, double weight_decay, int decoupled, double t);           /* t: step number from 1 */
int ax_fill(ax_tensor *t, double value);
int ax_fill_uniform(ax_tensor *t, double lo, double hi, double seed, double stream);
int ax_all_finite(const ax_tensor *t);                /* 1 yes, 0 no, negative: a status */

/* ---- data sets (src/data/dataset.c); part: 0 train, 1 valid, 2 test ---- */
/* What is known of a set without its files, as JSON: {"name","shape":[h,w,c],"classes","train","test","sha256"}.
 * `options` is a JSON object of the set's own options ("{}" if none). NULL: unknown name or option. Valid until the next call. */
const char *ax_dataset_describe(const char *name, const char *options);
/* Opens (and fetches if missing) the files. The last `valid` training samples become the validation part. */
ax_dataset *ax_dataset_open(const char *name, const char *options, double scale, double valid);
void ax_dataset_close(ax_dataset *d);
double ax_dataset_count(const ax_dataset *d, int part);
/* Batch number `batch` of an epoch into x (rows, h, w, c) F32 and labels (rows) I32; rows beyond the part are zero with label
 * -1. epoch >= 0: shuffled by (seed, epoch); epoch -1: in the set's own order. */
int ax_batch_load(ax_tensor *x, ax_tensor *labels, ax_dataset *d, int part, double seed, double epoch, double batch);

/* ---- the running trial (src/run/meter.c, src/run/trial.c) ---- */
double ax_now(void);                                  /* CLOCK_MONOTONIC, seconds */
double ax_cpu_now(void);                              /* CPU time of this thread, seconds */
ax_engine *ax_trial_engine(ax_trial *t);              /* made for this trial; dies with it */
int ax_trial_add_state(ax_trial *t, const char *name, ax_tensor *tensor);   /* part of every checkpoint; weights: name "w/..." */
int ax_trial_restore(ax_trial *t);                    /* tensors from the checkpoint; 1: restored, 0: none, negative: a status */
double ax_trial_position(const ax_trial *t, int what);/* after a restore: 0 epoch, 1 step within it, 2 updates so far */
/* After a batch: shows progress; 1: go on, 0: asked to stop (a checkpoint at this position is written), negative: a status. */
int ax_trial_step(ax_trial *t, double epoch, double epochs, double step, double steps, double updates, double loss, double acc);
int ax_trial_epoch(ax_trial *t, double epoch, double updates, const char *metrics_json);  /* end of epoch (from 1): checkpoint, then journal */
int ax_trial_predictions(ax_trial *t, const int32_t *predicted, const int32_t *labels, double n, double classes);
int ax_trial_finish(ax_trial *t, const char *summary_json, int diverged);

/* ---- operands of a trained trial (src/run/capture.c) ---- */
ax_engine *ax_capture_engine(ax_capture *c);
int ax_capture_weights(ax_capture *c, const char *name, ax_tensor *t);       /* the final weights "w/..." of that name into t */
/* Takes the first n values of a tensor as first (side 0) or second operands (1), each as often as the value of `times` (NULL: once). */
int ax_capture_operands(ax_capture *c, int side, const ax_tensor *values, const ax_tensor *times, double n);
/* cdef end */

#endif
