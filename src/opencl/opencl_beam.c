/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_impl.h"

clseq_status clseq_opencl_beam_advance(clseq_backend *be, const struct clseq_beam_advance_args *a)
{
    const int32_t sentences = a->score.dims[0] / a->beam;

    return CLSEQ_LAUNCH(
        be, beam_advance, clseq_opencl_range_1d((size_t)sentences, clseq_opencl_of(be)->local_1d),
        CLSEQ_ARG_ROWS(&a->value), CLSEQ_ARG_ROWS(&a->index), CLSEQ_ARG_TENSOR(&a->lse),
        CLSEQ_ARG_TENSOR(&a->score), CLSEQ_ARG_TENSOR(&a->token), CLSEQ_ARG_TENSOR(&a->new_score),
        CLSEQ_ARG_TENSOR(&a->new_token), CLSEQ_ARG_TENSOR(&a->parent), clseq_arg_int(sentences),
        clseq_arg_int(a->beam), clseq_arg_int(a->eos));
}
