/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers without hidden state: a number is a function of (seed, purpose, a, element). The
 * counter is (element low, element high, a, purpose), the key is the seed. `a` is the step, the
 * epoch or the parameter number, whatever the purpose says.
 */
#ifndef CLSEQ_PHILOX_H
#define CLSEQ_PHILOX_H

#include <stdint.h>

#include "../../cl/philox.clh"

enum clseq_random_purpose {
    CLSEQ_RANDOM_INIT = 1,    /* a = number of the parameter */
    CLSEQ_RANDOM_SHUFFLE = 2, /* a = epoch; order of the sentence pairs */
    CLSEQ_RANDOM_BATCHES = 3, /* a = epoch; order of the batches in a pool */
    CLSEQ_RANDOM_DEMO = 4,    /* a = task; made-up data */
    CLSEQ_RANDOM_BENCH = 5,   /* random tokens of the benchmarks */
    CLSEQ_RANDOM_TEST = 6,    /* inputs of the tests */
    /* Counts the update in the upper word of the element: (element / 4, step, a, purpose). */
    CLSEQ_RANDOM_DROPOUT = 7,      /* a = place in the model */
    CLSEQ_RANDOM_WORD_DROPOUT = 8, /* a = epoch; words of a batch that become unknown */
    CLSEQ_RANDOM_TEACHER = 9,      /* a = number of the batch; words the decoder reads */
    CLSEQ_RANDOM_BPE = 10,         /* a = epoch; merges left out, per line */
    CLSEQ_RANDOM_BOOTSTRAP = 11,   /* a = number of the sample; lines of a test set */
    /* Words of translations: counter (place of the word, step, line, purpose + 256 sample). */
    CLSEQ_RANDOM_SAMPLE = 12,
    CLSEQ_RANDOM_CANDIDATES = 13, /* a = update; words drawn for sampled softmax */
};

/* One 64-bit number. */
static inline uint64_t clseq_random_u64(uint64_t seed, uint32_t purpose, uint32_t a,
                                        uint64_t element)
{
    const clseq_philox_block r = clseq_philox((uint32_t)element, (uint32_t)(element >> 32), a,
                                              purpose, (uint32_t)seed, (uint32_t)(seed >> 32));

    return ((uint64_t)r.v[1] << 32) | r.v[0];
}

/* An integer in [0, n), n > 0. The bias is below n / 2^64. */
static inline uint64_t clseq_random_below(uint64_t seed, uint32_t purpose, uint32_t a,
                                          uint64_t element, uint64_t n)
{
    return clseq_random_u64(seed, purpose, a, element) % n;
}

#endif
