/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/init.h"

#include "base/philox.h"

clseq_status clseq_init_params(const clseq_run *run, enum clseq_init kind, double scale,
                               uint64_t seed)
{
    for (size_t i = 0; i < run->store->count; i++) {
        const clseq_tensor w = clseq_run_weight(run, (int)i);

        if (kind == CLSEQ_INIT_NORMAL)
            CLSEQ_TRY(
                clseq_op_normal(run->be, &(struct clseq_normal_args) { .dst = w,
                                                                       .seed = seed,
                                                                       .purpose = CLSEQ_RANDOM_INIT,
                                                                       .stream = (uint32_t)i,
                                                                       .mean = 0,
                                                                       .std = (float)scale }));
        else
            CLSEQ_TRY(clseq_op_uniform(run->be,
                                       &(struct clseq_uniform_args) { .dst = w,
                                                                      .seed = seed,
                                                                      .purpose = CLSEQ_RANDOM_INIT,
                                                                      .stream = (uint32_t)i,
                                                                      .low = -(float)scale,
                                                                      .high = (float)scale }));
    }
    return CLSEQ_OK;
}
