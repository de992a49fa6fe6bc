/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/rnn_stack.h"

#include "nn/dropout.h"

#include <stdio.h>

clseq_status clseq_rnn_stack_register(clseq_rnn_stack *stack, clseq_param_store *store,
                                      const char *prefix)
{
    static const char *const suffixes[2] = { "", "_reverse" };
    char suffix[32];

    for (int32_t l = 0; l < stack->layers; l++) {
        for (int32_t d = 0; d < stack->directions; d++) {
            stack->layer[l][d] = (clseq_rnn_layer) {
                .cell = stack->cell,
                .peepholes = stack->peepholes,
                .input = l == 0 ? stack->input + stack->extra : stack->directions * stack->hidden,
                .hidden = stack->hidden,
            };
            snprintf(suffix, sizeof(suffix), "l%d%s", l, suffixes[d]);
            CLSEQ_TRY(clseq_rnn_layer_register(&stack->layer[l][d], store, prefix, suffix));
        }
    }
    return CLSEQ_OK;
}

static bool is_residual(const clseq_rnn_stack *stack, int32_t l)
{
    return stack->residual && l > 0;
}

clseq_status clseq_rnn_stack_take(const clseq_rnn_stack *stack, clseq_workspace *ws,
                                  clseq_dtype real, int32_t T, int32_t B, bool training,
                                  bool dropout, clseq_rnn_pass *pass)
{
    const int32_t H = stack->hidden, D = stack->directions;

    *pass = (clseq_rnn_pass) { .T = T, .B = B };
    for (int32_t l = 0; l < stack->layers; l++) {
        for (int32_t d = 0; d < D; d++)
            CLSEQ_TRY(clseq_rnn_layer_take(
                &stack->layer[l][d], ws, real, T, B, training,
                training || (l == 0 && d == 0) ? NULL : &pass->layer[0][0], &pass->layer[l][d]));
        if (D == 2 || is_residual(stack, l))
            CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, D * H, &pass->y[l]));
        else
            pass->y[l] = clseq_tensor_range(pass->layer[l][0].h, 1, T);
        if (l > 0 && dropout)
            CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, D * H, &pass->in[l]));
        else if (l > 0)
            pass->in[l] = pass->y[l - 1];
    }
    if (D == 1)
        return CLSEQ_OK;
    CLSEQ_TRY(
        clseq_workspace_take(ws, real, 3, T, B, clseq_cell_gates(stack->cell) * H, &pass->flip));
    return training ? clseq_workspace_take(ws, real, 3, T, B, H, &pass->dflip) : CLSEQ_OK;
}

clseq_tensor clseq_rnn_output(const clseq_rnn_stack *stack, const clseq_rnn_pass *pass)
{
    return pass->y[stack->layers - 1];
}

static clseq_rnn_state state_at(const clseq_rnn_layer_pass *pass, int32_t slot)
{
    const bool has_c = clseq_tensor_present(&pass->c);

    return (clseq_rnn_state) { .h = clseq_tensor_step(pass->h, slot),
                               .c = has_c ? clseq_tensor_step(pass->c, slot) : pass->c };
}

clseq_rnn_state clseq_rnn_first(const clseq_rnn_pass *pass, int32_t layer, int32_t direction)
{
    return state_at(&pass->layer[layer][direction], 0);
}

clseq_rnn_state clseq_rnn_final(const clseq_rnn_pass *pass, int32_t layer, int32_t direction)
{
    return state_at(&pass->layer[layer][direction], pass->T);
}

static clseq_status fill_zero(const clseq_run *run, clseq_tensor x)
{
    if (!clseq_tensor_present(&x))
        return CLSEQ_OK;
    return clseq_op_fill(run->be, &(struct clseq_fill_args) { .dst = x });
}

clseq_status clseq_rnn_start_zero(const clseq_rnn_stack *stack, const clseq_run *run,
                                  const clseq_rnn_pass *pass)
{
    for (int32_t l = 0; l < stack->layers; l++) {
        for (int32_t d = 0; d < stack->directions; d++) {
            const clseq_rnn_state first = clseq_rnn_first(pass, l, d);

            CLSEQ_TRY(fill_zero(run, first.h));
            CLSEQ_TRY(fill_zero(run, first.c));
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_rnn_end_zero(const clseq_rnn_stack *stack, const clseq_run *run,
                                const clseq_rnn_pass *pass)
{
    for (int32_t l = 0; l < stack->layers; l++) {
        for (int32_t d = 0; d < stack->directions; d++) {
            CLSEQ_TRY(fill_zero(run, pass->layer[l][d].dh));
            CLSEQ_TRY(fill_zero(run, pass->layer[l][d].dc));
        }
    }
    return CLSEQ_OK;
}

/* Rows of src in the order of the backward direction, which is its own inverse. */
static clseq_status flip(const clseq_run *run, const clseq_rnn_pass *pass, clseq_tensor src,
                         clseq_tensor dst)
{
    return clseq_op_row_gather(run->be, &(struct clseq_row_gather_args) {
                                            .src = src, .index = pass->reverse, .dst = dst });
}

/* The forward direction's products of layer l with the steps [first, first + n) of its input. */
static clseq_status products(const clseq_rnn_stack *stack, const clseq_run *run,
                             const clseq_rnn_pass *pass, int32_t l, clseq_tensor x, int32_t first,
                             int32_t n)
{
    const clseq_rnn_layer *layer = &stack->layer[l][0];
    const clseq_tensor rows = clseq_tensor_flatten(clseq_tensor_range(x, first, n));

    return clseq_linear_fwd(
        run, rows, clseq_rnn_layer_w_ih(layer, run, 0, x.dims[2]), 0,
        clseq_tensor_flatten(clseq_tensor_range(pass->layer[l][0].gates, first, n)));
}

/* The products of direction d of the first layer with all steps of x, from its table. */
static clseq_status look_up(const clseq_rnn_stack *stack, const clseq_run *run,
                            const clseq_rnn_pass *pass, int d, clseq_tensor gates)
{
    return clseq_op_row_gather(run->be, &(struct clseq_row_gather_args) { .src = stack->table[d],
                                                                          .index = pass->index,
                                                                          .dst = gates });
}

/* The same for the backward direction, all steps. */
static clseq_status products_backward(const clseq_rnn_stack *stack, const clseq_run *run,
                                      const clseq_rnn_pass *pass, int32_t l, clseq_tensor x)
{
    const clseq_tensor flat = clseq_tensor_flatten(pass->flip);

    if (l == 0 && clseq_rnn_stack_has_table(stack))
        CLSEQ_TRY(look_up(stack, run, pass, 1, flat));
    else
        CLSEQ_TRY(clseq_linear_fwd(run, clseq_tensor_flatten(x),
                                   clseq_rnn_layer_w_ih(&stack->layer[l][1], run, 0, x.dims[2]), 0,
                                   flat));
    return flip(run, pass, flat, clseq_tensor_flatten(pass->layer[l][1].gates));
}

clseq_status clseq_rnn_stack_input(const clseq_rnn_stack *stack, const clseq_run *run,
                                   const clseq_rnn_pass *pass)
{
    if (clseq_rnn_stack_has_table(stack))
        return look_up(stack, run, pass, 0, clseq_tensor_flatten(pass->layer[0][0].gates));
    return products(stack, run, pass, 0, pass->x, 0, pass->T);
}

/* Half `d` of the columns of y, flattened. */
static clseq_tensor half(const clseq_rnn_stack *stack, clseq_tensor y, int32_t d)
{
    return clseq_tensor_columns(clseq_tensor_flatten(y), d * stack->hidden, stack->hidden);
}

/* Both directions' outputs side by side. Padding gets zeros from the backward direction. */
static clseq_status join(const clseq_rnn_stack *stack, const clseq_run *run,
                         const clseq_rnn_pass *pass, int32_t l)
{
    const clseq_tensor h[2] = {
        clseq_tensor_flatten(clseq_tensor_range(pass->layer[l][0].h, 1, pass->T)),
        clseq_tensor_flatten(clseq_tensor_range(pass->layer[l][1].h, 1, pass->T)),
    };

    CLSEQ_TRY(clseq_op_copy(
        run->be, &(struct clseq_copy_args) { .src = h[0], .dst = half(stack, pass->y[l], 0) }));
    return flip(run, pass, h[1], half(stack, pass->y[l], 1));
}

static clseq_status add_to(const clseq_run *run, clseq_tensor x, clseq_tensor y)
{
    return clseq_op_axpby(run->be,
                          &(struct clseq_axpby_args) { .x = x, .y = y, .alpha = 1, .beta = 1 });
}

/* What the cells made, and with a residual connection the input on top. */
static clseq_status output(const clseq_rnn_stack *stack, const clseq_run *run,
                           const clseq_rnn_pass *pass, int32_t l, int32_t first, int32_t n)
{
    const clseq_tensor y = clseq_tensor_range(pass->y[l], first, n);

    if (stack->directions == 2)
        CLSEQ_TRY(join(stack, run, pass, l));
    if (!is_residual(stack, l))
        return CLSEQ_OK;
    if (stack->directions == 1)
        CLSEQ_TRY(clseq_op_copy(
            run->be, &(struct clseq_copy_args) {
                         .src = clseq_tensor_range(pass->layer[l][0].h, first + 1, n), .dst = y }));
    return add_to(run, clseq_tensor_flatten(clseq_tensor_range(pass->in[l], first, n)),
                  clseq_tensor_flatten(y));
}

clseq_status clseq_rnn_stack_fwd(const clseq_rnn_stack *stack, const clseq_run *run,
                                 const clseq_rnn_pass *pass, int32_t first, int32_t n)
{
    for (int32_t l = 0; l < stack->layers; l++) {
        if (l > 0) {
            CLSEQ_TRY(clseq_dropout_layer(run, pass->place, l, first,
                                          clseq_tensor_range(pass->y[l - 1], first, n),
                                          clseq_tensor_range(pass->in[l], first, n)));
            CLSEQ_TRY(products(stack, run, pass, l, pass->in[l], first, n));
        }
        CLSEQ_TRY(clseq_rnn_layer_fwd(&stack->layer[l][0], run, &pass->layer[l][0], pass->length,
                                      first, n));
        if (stack->directions == 2) {
            /* After the forward direction, because in inference both use the same gates. */
            CLSEQ_TRY(products_backward(stack, run, pass, l, l == 0 ? pass->x : pass->in[l]));
            CLSEQ_TRY(clseq_rnn_layer_fwd(&stack->layer[l][1], run, &pass->layer[l][1],
                                          pass->length, 0, n));
        }
        CLSEQ_TRY(output(stack, run, pass, l, first, n));
    }
    return CLSEQ_OK;
}

/* Through the cells of layer l; dy (n, B, D H) or absent. */
static clseq_status cells_bwd(const clseq_rnn_stack *stack, const clseq_run *run,
                              const clseq_rnn_pass *pass, int32_t l, clseq_tensor dy, int32_t first,
                              int32_t n)
{
    const int32_t H = stack->hidden;
    const bool has_dy = clseq_tensor_present(&dy);
    clseq_tensor forward = dy;

    if (has_dy)
        forward.dims[2] = H; /* the first half of the columns */
    CLSEQ_TRY(clseq_rnn_layer_bwd(&stack->layer[l][0], run, &pass->layer[l][0], pass->length,
                                  forward, first, n));
    if (stack->directions == 1)
        return CLSEQ_OK;
    if (has_dy)
        CLSEQ_TRY(flip(run, pass, half(stack, dy, 1), clseq_tensor_flatten(pass->dflip)));
    return clseq_rnn_layer_bwd(&stack->layer[l][1], run, &pass->layer[l][1], pass->length,
                               has_dy ? pass->dflip : dy, 0, n);
}

/* dx += or = the gradient of layer l's input of `width` columns, from both directions. */
static clseq_status input_bwd(const clseq_rnn_stack *stack, const clseq_run *run,
                              const clseq_rnn_pass *pass, int32_t l, int32_t width, bool add,
                              clseq_tensor dx, int32_t first, int32_t n)
{
    const clseq_rnn_layer *layer = stack->layer[l];
    const clseq_tensor to = clseq_tensor_flatten(dx);
    clseq_tensor d = clseq_tensor_flatten(clseq_tensor_range(pass->layer[l][0].gates, first, n));

    CLSEQ_TRY(clseq_linear_bwd_input(run, d, clseq_rnn_layer_w_ih(&layer[0], run, 0, width),
                                     add ? 1 : 0, to));
    if (stack->directions == 1)
        return CLSEQ_OK;
    d = clseq_tensor_flatten(pass->flip);
    CLSEQ_TRY(flip(run, pass, clseq_tensor_flatten(pass->layer[l][1].gates), d));
    return clseq_linear_bwd_input(run, d, clseq_rnn_layer_w_ih(&layer[1], run, 0, width), 1, to);
}

clseq_status clseq_rnn_stack_bwd(const clseq_rnn_stack *stack, const clseq_run *run,
                                 const clseq_rnn_pass *pass, clseq_tensor dy, bool dy_given,
                                 int32_t first, int32_t n)
{
    const clseq_tensor d = clseq_tensor_range(dy, first, n), none = { 0 };

    for (int32_t l = stack->layers - 1; l >= 0; l--) {
        const bool given = dy_given || l < stack->layers - 1;

        CLSEQ_TRY(cells_bwd(stack, run, pass, l, given ? d : none, first, n));
        if (l == 0)
            break;
        /* dy of this layer is used up, so its memory takes the gradient for the layer below, to
         * which a residual connection hands it on. */
        CLSEQ_TRY(input_bwd(stack, run, pass, l, stack->directions * stack->hidden,
                            is_residual(stack, l) && given, d, first, n));
        CLSEQ_TRY(clseq_dropout_layer(run, pass->place, l, first, d, d));
    }
    return CLSEQ_OK;
}

/* Gradients of W_ih of both directions of layer l, from its input x. */
static clseq_status w_ih_gradients(const clseq_rnn_stack *stack, const clseq_run *run,
                                   const clseq_rnn_pass *pass, int32_t l, clseq_tensor x)
{
    const clseq_rnn_layer *layer = stack->layer[l];
    const clseq_tensor rows = clseq_tensor_flatten(x);

    CLSEQ_TRY(clseq_linear_bwd_weight(run, clseq_tensor_flatten(pass->layer[l][0].gates), rows,
                                      run->accumulate,
                                      clseq_rnn_layer_dw_ih(&layer[0], run, 0, x.dims[2])));
    if (stack->directions == 1)
        return CLSEQ_OK;
    const clseq_tensor d = clseq_tensor_flatten(pass->flip);
    CLSEQ_TRY(flip(run, pass, clseq_tensor_flatten(pass->layer[l][1].gates), d));
    return clseq_linear_bwd_weight(run, d, rows, run->accumulate,
                                   clseq_rnn_layer_dw_ih(&layer[1], run, 0, x.dims[2]));
}

clseq_status clseq_rnn_stack_gradients(const clseq_rnn_stack *stack, const clseq_run *run,
                                       const clseq_rnn_pass *pass, clseq_tensor dx)
{
    for (int32_t l = stack->layers - 1; l >= 0; l--) {
        CLSEQ_TRY(w_ih_gradients(stack, run, pass, l, l == 0 ? pass->x : pass->in[l]));
        for (int32_t d = 0; d < stack->directions; d++)
            CLSEQ_TRY(clseq_rnn_layer_gradients(&stack->layer[l][d], run, &pass->layer[l][d]));
    }
    return input_bwd(stack, run, pass, 0, stack->input, false, dx, 0, pass->T);
}

clseq_status clseq_rnn_stack_step(const clseq_rnn_stack *stack, const clseq_run *run,
                                  clseq_tensor gates, clseq_tensor hn, clseq_tensor sum,
                                  const clseq_rnn_state *from, const clseq_rnn_state *to,
                                  clseq_tensor *y)
{
    for (int32_t l = 0; l < stack->layers; l++) {
        const clseq_rnn_layer *layer = &stack->layer[l][0];
        const clseq_rnn_state next = {
            .h = clseq_tensor_as_step(to[l].h),
            .c = clseq_tensor_present(&to[l].c) ? clseq_tensor_as_step(to[l].c) : to[l].c,
        };

        if (l > 0)
            CLSEQ_TRY(clseq_linear_fwd(run, *y, clseq_run_weight(run, layer->w_ih), 0, gates));
        CLSEQ_TRY(clseq_rnn_layer_steps(layer, run, clseq_tensor_as_step(gates),
                                        clseq_tensor_present(&hn) ? clseq_tensor_as_step(hn) : hn,
                                        &from[l], &next, (clseq_tensor) { 0 }));
        if (is_residual(stack, l)) {
            const clseq_tensor total = clseq_tensor_step(sum, l % 2);

            CLSEQ_TRY(
                clseq_op_copy(run->be, &(struct clseq_copy_args) { .src = to[l].h, .dst = total }));
            CLSEQ_TRY(add_to(run, *y, total));
            *y = total;
        } else {
            *y = to[l].h;
        }
    }
    return CLSEQ_OK;
}
