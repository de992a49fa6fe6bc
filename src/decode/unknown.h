/* SPDX-License-Identifier: BSD-2-Clause */
/* Unknown words of translations replaced by what stands in the source. */
#ifndef CLSEQ_UNKNOWN_H
#define CLSEQ_UNKNOWN_H

#include <clseq/translate.h>

/* Make the texts of `n` results anew, with the source word that got most attention, or its
 * translation, for each unknown one; results have alignments, which stay only when the options ask
 * for them. Errors: CLSEQ_ERR_NOMEM, CLSEQ_ERR_LIMIT. */
CLSEQ_MUST_CHECK clseq_status clseq_unknown_replace(const clseq_translator *tr,
                                                    const char *const *lines, const size_t *lengths,
                                                    size_t n, const clseq_translate_options *o,
                                                    clseq_translation *results);

#endif
