/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/bridge.h"

#include <stdio.h>

/* One state (h or c) of a layer of the decoder, and where it comes from. */
struct link {
    clseq_tensor to;       /* (B, H) */
    clseq_tensor dto;      /* its gradient; absent in inference */
    clseq_tensor from[2];  /* (B, H_enc) of each direction */
    clseq_tensor dfrom[2]; /* their gradients */
    int directions;
    int weight, bias;
};

static int states(const clseq_rnn_stack *stack)
{
    return stack->cell == CLSEQ_CELL_LSTM ? 2 : 1;
}

clseq_status clseq_bridge_register(clseq_bridge *bridge, clseq_param_store *store,
                                   const clseq_rnn_stack *encoder, const clseq_rnn_stack *decoder)
{
    static const char names[2] = { 'h', 'c' };
    char name[CLSEQ_PARAM_NAME];

    if (bridge->kind != CLSEQ_BRIDGE_LINEAR)
        return CLSEQ_OK;
    for (int32_t l = 0; l < decoder->layers; l++) {
        for (int s = 0; s < states(decoder); s++) {
            snprintf(name, sizeof(name), "bridge.%c_l%d.weight", names[s], l);
            CLSEQ_TRY(clseq_param_store_add(store, name, 2, decoder->hidden,
                                            encoder->directions * encoder->hidden, false,
                                            &bridge->weight[l][s]));
            snprintf(name, sizeof(name), "bridge.%c_l%d.bias", names[s], l);
            CLSEQ_TRY(clseq_param_store_add(store, name, 1, decoder->hidden, 1, false,
                                            &bridge->bias[l][s]));
        }
    }
    return CLSEQ_OK;
}

static struct link link_of(const clseq_bridge *bridge, const clseq_rnn_stack *encoder,
                           const clseq_rnn_pass *from, const clseq_rnn_stack *decoder,
                           const clseq_rnn_pass *to, int32_t l, int s)
{
    const int32_t aligned = l + encoder->layers - decoder->layers;
    const int32_t e = aligned > 0 ? aligned : 0;
    const clseq_rnn_state first = clseq_rnn_first(to, l, 0);
    struct link link = {
        .to = s ? first.c : first.h,
        .dto = s ? to->layer[l][0].dc : to->layer[l][0].dh,
        .directions = encoder->directions,
        .weight = bridge->weight[l][s],
        .bias = bridge->bias[l][s],
    };

    for (int d = 0; d < encoder->directions; d++) {
        const clseq_rnn_state final = clseq_rnn_final(from, e, d);

        link.from[d] = s ? final.c : final.h;
        link.dfrom[d] = s ? from->layer[e][d].dc : from->layer[e][d].dh;
    }
    return link;
}

static clseq_status axpby(const clseq_run *run, clseq_tensor x, clseq_tensor y, double beta)
{
    return clseq_op_axpby(run->be,
                          &(struct clseq_axpby_args) { .x = x, .y = y, .alpha = 1, .beta = beta });
}

/* Columns of direction d. */
static clseq_tensor side(clseq_tensor x, const struct link *link, int d)
{
    const int32_t width = link->from[d].dims[1];

    return clseq_tensor_columns(x, d * width, width);
}

static clseq_status linear_fwd(const clseq_run *run, const struct link *link)
{
    const clseq_tensor w = clseq_run_weight(run, link->weight);

    for (int d = 0; d < link->directions; d++)
        CLSEQ_TRY(clseq_linear_fwd(run, link->from[d], side(w, link, d), d > 0, link->to));
    CLSEQ_TRY(clseq_op_bias_add(
        run->be, &(struct clseq_bias_add_args) {
                     .x = link->to, .b0 = clseq_run_weight(run, link->bias), .y = link->to }));
    return clseq_op_tanh_fwd(run->be,
                             &(struct clseq_tanh_fwd_args) { .x = link->to, .y = link->to });
}

static clseq_status link_fwd(const clseq_bridge *bridge, const clseq_run *run,
                             const struct link *link)
{
    if (bridge->kind == CLSEQ_BRIDGE_LINEAR)
        return linear_fwd(run, link);
    for (int d = 0; d < link->directions; d++) {
        if (bridge->kind == CLSEQ_BRIDGE_CONCAT)
            CLSEQ_TRY(axpby(run, link->from[d], side(link->to, link, d), 0));
        else
            CLSEQ_TRY(axpby(run, link->from[d], link->to, d));
    }
    return CLSEQ_OK;
}

static clseq_status linear_bwd(const clseq_run *run, const struct link *link)
{
    const clseq_tensor w = clseq_run_weight(run, link->weight);
    const clseq_tensor dw = clseq_run_gradient(run, link->weight);

    CLSEQ_TRY(clseq_op_tanh_bwd(run->be, &(struct clseq_tanh_bwd_args) {
                                             .y = link->to, .dy = link->dto, .dx = link->dto }));
    for (int d = 0; d < link->directions; d++) {
        CLSEQ_TRY(clseq_linear_bwd_weight(run, link->dto, link->from[d], run->accumulate,
                                          side(dw, link, d)));
        CLSEQ_TRY(clseq_linear_bwd_input(run, link->dto, side(w, link, d), 1, link->dfrom[d]));
    }
    return clseq_op_col_sums(
        run->be, &(struct clseq_col_sums_args) { .x = link->dto,
                                                 .y = clseq_run_gradient(run, link->bias),
                                                 .beta = run->accumulate ? 1 : 0 });
}

static clseq_status link_bwd(const clseq_bridge *bridge, const clseq_run *run,
                             const struct link *link)
{
    if (bridge->kind == CLSEQ_BRIDGE_LINEAR)
        return linear_bwd(run, link);
    for (int d = 0; d < link->directions; d++) {
        const bool concat = bridge->kind == CLSEQ_BRIDGE_CONCAT;

        CLSEQ_TRY(axpby(run, concat ? side(link->dto, link, d) : link->dto, link->dfrom[d], 1));
    }
    return CLSEQ_OK;
}

clseq_status clseq_bridge_fwd(const clseq_bridge *bridge, const clseq_run *run,
                              const clseq_rnn_stack *encoder, const clseq_rnn_pass *from,
                              const clseq_rnn_stack *decoder, const clseq_rnn_pass *to)
{
    for (int32_t l = 0; l < decoder->layers; l++) {
        for (int s = 0; s < states(decoder); s++) {
            const struct link link = link_of(bridge, encoder, from, decoder, to, l, s);

            CLSEQ_TRY(link_fwd(bridge, run, &link));
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_bridge_bwd(const clseq_bridge *bridge, const clseq_run *run,
                              const clseq_rnn_stack *encoder, const clseq_rnn_pass *from,
                              const clseq_rnn_stack *decoder, const clseq_rnn_pass *to)
{
    for (int32_t l = 0; l < decoder->layers; l++) {
        for (int s = 0; s < states(decoder); s++) {
            const struct link link = link_of(bridge, encoder, from, decoder, to, l, s);

            CLSEQ_TRY(link_bwd(bridge, run, &link));
        }
    }
    return CLSEQ_OK;
}
