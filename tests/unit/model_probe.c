/* SPDX-License-Identifier: BSD-2-Clause */
#include "model_probe.h"

#include "base/philox.h"

#include <math.h>

/* ---- backends ---- */

clseq_backend *probe_backend(clseq_context *ctx, const char *name, clseq_kernel_class kernels)
{
    return probe_backend_precise(ctx, name, kernels, CLSEQ_PRECISION_FP32);
}

clseq_backend *probe_backend_precise(clseq_context *ctx, const char *name,
                                     clseq_kernel_class kernels, clseq_precision precision)
{
    return probe_backend_unit(ctx, name, kernels, precision, NULL);
}

clseq_backend *probe_backend_unit(clseq_context *ctx, const char *name, clseq_kernel_class kernels,
                                  clseq_precision precision, const char *unit)
{
    struct clseq_backend_options options;
    clseq_backend *be = NULL;
    clseq_status status;

    unit_backend_options(name, &options);
    options.kernels = kernels;
    options.precision = precision;
    options.matrix_unit = unit;
    status = clseq_backend_open(ctx, &options, &be);
    if (status == CLSEQ_ERR_NO_DEVICE || status == CLSEQ_ERR_UNSUPPORTED) {
        fprintf(stderr, "skipped: all tests on \"%s\": %s\n", name, clseq_context_error(ctx));
        return NULL;
    }
    ASSERT_OK(ctx, status);
    return be;
}

static int set_up(void **state, const char *name, clseq_kernel_class kernels)
{
    struct probe_place *place = calloc(1, sizeof(*place));

    if (!place || clseq_context_create(&place->ctx) != CLSEQ_OK)
        return -1;
    place->be = probe_backend(place->ctx, name, kernels);
    *state = place;
    return 0;
}

int probe_setup_reference(void **state)
{
    return set_up(state, "reference", CLSEQ_KERNELS_AUTO);
}

int probe_setup_opencl_cpu(void **state)
{
    return set_up(state, "opencl", CLSEQ_KERNELS_CPU);
}

int probe_setup_opencl_gpu(void **state)
{
    return set_up(state, "opencl", CLSEQ_KERNELS_GPU);
}

int probe_teardown(void **state)
{
    struct probe_place *place = *state;

    clseq_backend_close(&place->be);
    clseq_context_destroy(&place->ctx);
    free(place);
    return 0;
}

struct probe_place *probe_place(void **state)
{
    struct probe_place *place = *state;

    if (!place->be)
        skip();
    return place;
}

/* ---- numbers ---- */

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);

    assert_non_null(p);
    return p;
}

void probe_read(clseq_backend *be, clseq_tensor x, double *dst)
{
    clseq_context *ctx = clseq_backend_context(be);
    const size_t n = clseq_tensor_count(&x), size = clseq_dtype_size(x.dtype);
    float *narrow;

    assert_int_equal(clseq_tensor_extent(&x), n);
    if (x.dtype == CLSEQ_F64) {
        ASSERT_OK(ctx, clseq_buffer_read(x.buffer, x.offset * size, dst, n * size));
        return;
    }
    assert_int_equal(x.dtype, CLSEQ_F32);
    narrow = allocate(n, sizeof(*narrow));
    ASSERT_OK(ctx, clseq_buffer_read(x.buffer, x.offset * size, narrow, n * size));
    for (size_t i = 0; i < n; i++)
        dst[i] = (double)narrow[i];
    free(narrow);
}

void probe_write(clseq_backend *be, clseq_tensor x, const double *src)
{
    clseq_context *ctx = clseq_backend_context(be);
    const size_t n = clseq_tensor_count(&x), size = clseq_dtype_size(x.dtype);
    float *narrow;

    assert_int_equal(clseq_tensor_extent(&x), n);
    if (x.dtype == CLSEQ_F64) {
        ASSERT_OK(ctx, clseq_buffer_write(x.buffer, x.offset * size, src, n * size));
        return;
    }
    assert_int_equal(x.dtype, CLSEQ_F32);
    narrow = allocate(n, sizeof(*narrow));
    for (size_t i = 0; i < n; i++)
        narrow[i] = (float)src[i];
    ASSERT_OK(ctx, clseq_buffer_write(x.buffer, x.offset * size, narrow, n * size));
    free(narrow);
}

double probe_random(uint64_t seed, uint64_t i)
{
    const uint64_t range = 1u << 30;

    return (double)clseq_random_below(seed, CLSEQ_RANDOM_TEST, 0, i, range) / (double)range * 2 - 1;
}

void probe_close(const char *what, const double *x, const double *y, size_t n, double bound,
                 double floor)
{
    double worst = 0;
    size_t place = 0;

    for (size_t i = 0; i < n; i++) {
        const double size = fmax(fmax(fabs(x[i]), fabs(y[i])), floor);
        const double error = fabs(x[i] - y[i]) / size;

        if (!(error <= worst)) { /* also takes NaN */
            worst = error;
            place = i;
            if (isnan(error))
                break;
        }
    }
    if (!(worst <= bound))
        fail_msg("%s: element %zu is %.17g, expected %.17g: relative error %.3g, allowed %.3g",
                 what, place, x[place], y[place], worst, bound);
}

void probe_equal(const char *what, const double *x, const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&x[i], &y[i], sizeof(*x)) != 0)
            fail_msg("%s: element %zu is %.17g, expected %.17g, bit for bit", what, i, x[i], y[i]);
    }
}

/* ---- sentences ---- */

static void random_words(int32_t *words, size_t n, int32_t vocabulary, uint64_t seed,
                         uint64_t place)
{
    for (size_t i = 0; i < n; i++)
        words[i] = 4 + (int32_t)clseq_random_below(seed, CLSEQ_RANDOM_TEST, 1, place + i,
                                                   (uint64_t)vocabulary - 4);
}

void probe_pairs_random(struct probe_pairs *pairs, uint64_t seed, size_t n,
                        const int *source_length, const int *target_length,
                        int32_t source_vocabulary, int32_t target_vocabulary)
{
    assert_true(n <= PROBE_PAIRS);
    pairs->n = n;
    for (size_t b = 0; b < n; b++) {
        int32_t *source = pairs->words[0][b], *target = pairs->words[1][b];
        const uint64_t place = 2 * b * PROBE_WORDS;

        /* One word less than there is room for: the end token. */
        assert_true(source_length[b] < PROBE_WORDS && target_length[b] < PROBE_WORDS);
        pairs->source[b] = (clseq_sentence) { source, (size_t)source_length[b] };
        pairs->target[b] = (clseq_sentence) { target, (size_t)target_length[b] };
        random_words(source, pairs->source[b].length, source_vocabulary, seed, place);
        random_words(target, pairs->target[b].length, target_vocabulary, seed, place + PROBE_WORDS);
    }
}

void probe_pairs_set(struct probe_pairs *pairs, size_t to, const struct probe_pairs *other,
                     size_t from)
{
    memcpy(pairs->words[0][to], other->words[0][from], sizeof(pairs->words[0][to]));
    memcpy(pairs->words[1][to], other->words[1][from], sizeof(pairs->words[1][to]));
    pairs->source[to] = (clseq_sentence) { pairs->words[0][to], other->source[from].length };
    pairs->target[to] = (clseq_sentence) { pairs->words[1][to], other->target[from].length };
}

/* ---- models ---- */

void probe_create(struct probe *p, clseq_context *ctx, clseq_backend *be,
                  const struct clseq_model_config *config)
{
    probe_create_sampled(p, ctx, be, config, 0);
}

void probe_create_sampled(struct probe *p, clseq_context *ctx, clseq_backend *be,
                          const struct clseq_model_config *config, int32_t samples)
{
    *p = (struct probe) { .ctx = ctx, .be = be };
    clseq_batch_init(&p->batch, ctx);
    ASSERT_OK(ctx, clseq_seq2seq_create_sampled(be, config, samples, &p->model));
    ASSERT_OK(ctx,
              clseq_buffer_create(be, 4 * clseq_dtype_size(p->model->real), "record", &p->record));
    p->weights = (size_t)clseq_param_total(&p->model->store);
}

void probe_plan(struct probe *p)
{
    const struct clseq_seq2seq_limits limits = {
        .S = PROBE_WORDS,
        .T = PROBE_WORDS,
        .B = PROBE_PAIRS,
        .N = PROBE_WORDS * PROBE_PAIRS,
        .source_unique = p->model->config.source_vocabulary,
        .target_unique = p->model->config.target_vocabulary,
    };

    ASSERT_OK(p->ctx, clseq_seq2seq_plan(p->model, &limits, true));
}

void probe_open(struct probe *p, clseq_context *ctx, clseq_backend *be,
                const struct clseq_model_config *config, double scale)
{
    probe_open_sampled(p, ctx, be, config, scale, 0);
}

void probe_open_sampled(struct probe *p, clseq_context *ctx, clseq_backend *be,
                        const struct clseq_model_config *config, double scale, int32_t samples)
{
    double *weights;

    probe_create_sampled(p, ctx, be, config, samples);
    probe_plan(p);
    weights = allocate(p->weights, sizeof(*weights));
    for (size_t i = 0; i < p->weights; i++)
        weights[i] = (double)(float)(scale * probe_random(77, i));
    probe_set_weights(p, weights);
    free(weights);
}

void probe_close_model(struct probe *p)
{
    clseq_buffer_destroy(&p->record);
    clseq_seq2seq_destroy(&p->model);
    clseq_batch_fini(&p->batch);
}

static size_t param_count(const struct probe *p, size_t i)
{
    const struct clseq_param *param = &p->model->store.params[i];

    return (size_t)param->dims[0] * (size_t)param->dims[1];
}

size_t probe_param_offset(const struct probe *p, size_t i)
{
    size_t offset = 0;

    for (size_t k = 0; k < i; k++)
        offset += param_count(p, k);
    return offset;
}

static clseq_tensor param_view(const struct probe *p, const clseq_param_buffers *buffers, size_t i)
{
    return clseq_param_tensor(&p->model->store, buffers, (int)i, p->model->real);
}

double *probe_moments(const struct probe *p, const clseq_param_buffers *buffers)
{
    double *values = allocate(p->weights, sizeof(*values));

    for (size_t i = 0; i < p->model->store.count; i++)
        probe_read(p->be, param_view(p, buffers, i), values + probe_param_offset(p, i));
    return values;
}

double *probe_weights(const struct probe *p)
{
    return probe_moments(p, &p->model->weights);
}

void probe_set_weights(const struct probe *p, const double *weights)
{
    for (size_t i = 0; i < p->model->store.count; i++)
        probe_write(p->be, param_view(p, &p->model->weights, i),
                    weights + probe_param_offset(p, i));
}

static void add(double *sum, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += x[i];
}

/* The row gradient of an embedding as part of its whole table. */
static void add_rows(const struct probe *p, const clseq_row_gradient *g, double *table)
{
    const size_t U = (size_t)g->rows.dims[0], E = (size_t)g->rows.dims[1];
    const size_t size = sizeof(int32_t);
    int32_t *index = allocate(U, sizeof(*index));
    double *rows = allocate(U * E, sizeof(*rows));

    ASSERT_OK(p->ctx, clseq_buffer_read(g->index.buffer, g->index.offset * size, index, U * size));
    probe_read(p->be, g->rows, rows);
    for (size_t u = 0; u < U; u++) {
        assert_in_range(index[u], 0, p->model->store.params[g->param].dims[0] - 1);
        add(table + (size_t)index[u] * E, rows + u * E, E);
    }
    free(index);
    free(rows);
}

void probe_add_gradients(const struct probe *p, bool rows_only, double *sum)
{
    const clseq_param_store *store = &p->model->store;
    double *one = allocate(p->weights, sizeof(*one));

    for (size_t i = 0; i < store->count && !rows_only; i++) {
        if (store->params[i].row_sparse)
            continue;
        probe_read(p->be, param_view(p, &p->model->gradients, i), one);
        add(sum + probe_param_offset(p, i), one, param_count(p, i));
    }
    for (int i = 0; i < p->model->row_tables; i++) {
        const clseq_row_gradient *g = &p->model->row_gradients[i];

        add_rows(p, g, sum + probe_param_offset(p, (size_t)g->param));
    }
    free(one);
}

double *probe_gradients(const struct probe *p)
{
    double *sum = allocate(p->weights, sizeof(*sum));

    probe_add_gradients(p, false, sum);
    return sum;
}

struct clseq_seq2seq_input probe_input(struct probe *p, const struct probe_pairs *pairs)
{
    ASSERT_OK(p->ctx,
              clseq_batch_from_sentences(&p->batch, pairs->source, pairs->target, pairs->n, false));
    return clseq_batch_input(&p->batch);
}

static clseq_tensor record_place(const struct probe *p, size_t first, int32_t n)
{
    return clseq_tensor_1d(p->record, first, p->model->real, n);
}

double probe_loss(const struct probe *p, const struct clseq_seq2seq_input *input)
{
    double loss;

    ASSERT_OK(p->ctx, clseq_seq2seq_begin(p->model, input));
    ASSERT_OK(p->ctx, clseq_seq2seq_loss(p->model, record_place(p, 0, 1)));
    probe_read(p->be, record_place(p, 0, 1), &loss);
    return loss;
}

double probe_loss_bwd(const struct probe *p, const struct clseq_seq2seq_input *input, double scale,
                      bool accumulate)
{
    double loss;

    ASSERT_OK(p->ctx, clseq_seq2seq_begin(p->model, input));
    ASSERT_OK(p->ctx, clseq_seq2seq_loss_bwd(p->model, scale, accumulate, record_place(p, 0, 1)));
    probe_read(p->be, record_place(p, 0, 1), &loss);
    return loss;
}

double probe_step(const struct probe *p, const clseq_optimizer *optimizer, uint64_t number,
                  double lr, double clip)
{
    double norm;

    ASSERT_OK(p->ctx, clseq_optimizer_step(optimizer, number, lr, clip, record_place(p, 1, 1),
                                           record_place(p, 2, 2)));
    probe_read(p->be, record_place(p, 2, 1), &norm);
    return norm;
}
