/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/corpus_inside.h"
#include "data/text_append.h"
#include "data/vocab_inside.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

void clseq_corpus_options_init(clseq_corpus_options *options)
{
    *options = (clseq_corpus_options) { .folder = ".", .max_length = 100 };
}

void clseq_corpus_destroy(clseq_corpus **corpus)
{
    clseq_corpus *c = corpus ? *corpus : NULL;

    if (!c)
        return;
    clseq_spool_close(&c->ids);
    clseq_spool_close(&c->places);
    clseq_spool_close(&c->words);
    clseq_spool_close(&c->word_places);
    free(c);
    *corpus = NULL;
}

/* What lives during the encoding only. */
typedef struct encoder {
    clseq_corpus *corpus;
    clseq_pairs *pairs;
    const clseq_vocab *source_vocab, *target_vocab;
    const clseq_corpus_options *options;
    clseq_ids source, target;
    XXH3_state_t *hash;
    uint64_t written; /* ids */
    clseq_text words; /* with keep_words: of the source and then the target */
    size_t source_words;
    uint64_t words_written; /* bytes */
} encoder;

static clseq_status encode_side(encoder *e, const clseq_pair *pair, bool target)
{
    const clseq_status status =
        target ? clseq_vocab_encode(e->target_vocab, pair->target, pair->target_length, &e->target)
               : clseq_vocab_encode(e->source_vocab, pair->source, pair->source_length, &e->source);

    return status == CLSEQ_OK
               ? status
               : clseq_fail_in(e->corpus->ctx, status, "%s", clseq_pairs_place(e->pairs, target));
}

/* The words of the side that was encoded last. */
static clseq_status keep_words(encoder *e, const clseq_vocab *vocab)
{
    const clseq_tokenizer *tokenizer = vocab->tokenizer;

    if (!e->options->keep_words || !tokenizer->bpe)
        return CLSEQ_OK;
    return clseq_text_append(e->corpus->ctx, &e->words, tokenizer->line.data, tokenizer->line.size);
}

static clseq_status encode_pair(encoder *e, const clseq_pair *pair)
{
    e->words.size = 0;
    CLSEQ_TRY(encode_side(e, pair, false));
    CLSEQ_TRY(keep_words(e, e->source_vocab));
    e->source_words = e->words.size;
    CLSEQ_TRY(encode_side(e, pair, true));
    return keep_words(e, e->target_vocab);
}

static clseq_status write_words(encoder *e)
{
    const clseq_pair_place place = { .offset = e->words_written,
                                     .source_length = (uint32_t)e->source_words,
                                     .target_length = (uint32_t)(e->words.size - e->source_words) };

    CLSEQ_TRY(clseq_spool_write(&e->corpus->word_places, &place, sizeof(place)));
    e->words_written += e->words.size;
    return clseq_spool_write(&e->corpus->words, e->words.data, e->words.size);
}

static void reverse(int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        const int32_t id = ids[i];

        ids[i] = ids[n - 1 - i];
        ids[n - 1 - i] = id;
    }
}

static uint64_t count_unknown(const clseq_ids *ids)
{
    uint64_t count = 0;

    for (size_t i = 0; i < ids->size; i++)
        count += ids->data[i] == CLSEQ_ID_UNK;
    return count;
}

static clseq_status write_pair(encoder *e)
{
    clseq_corpus *corpus = e->corpus;
    clseq_corpus_stats *stats = &corpus->stats;
    const clseq_pair_place place = { .offset = e->written,
                                     .source_length = (uint32_t)e->source.size,
                                     .target_length = (uint32_t)e->target.size };

    if (e->options->reverse_source)
        reverse(e->source.data, e->source.size);
    CLSEQ_TRY(clseq_spool_write(&corpus->places, &place, sizeof(place)));
    CLSEQ_TRY(clseq_spool_write(&corpus->ids, e->source.data, e->source.size * sizeof(int32_t)));
    CLSEQ_TRY(clseq_spool_write(&corpus->ids, e->target.data, e->target.size * sizeof(int32_t)));
    XXH3_64bits_update(e->hash, &place, sizeof(place));
    XXH3_64bits_update(e->hash, e->source.data, e->source.size * sizeof(int32_t));
    XXH3_64bits_update(e->hash, e->target.data, e->target.size * sizeof(int32_t));
    e->written += e->source.size + e->target.size;
    stats->kept++;
    stats->source_tokens += e->source.size;
    stats->target_tokens += e->target.size;
    stats->source_unknown += count_unknown(&e->source);
    stats->target_unknown += count_unknown(&e->target);
    if (place.source_length > stats->longest_source)
        stats->longest_source = place.source_length;
    if (place.target_length > stats->longest_target)
        stats->longest_target = place.target_length;
    return CLSEQ_OK;
}

static clseq_status encode_all(encoder *e)
{
    clseq_corpus_stats *stats = &e->corpus->stats;
    const size_t longest = e->options->max_length;

    for (;;) {
        clseq_pair pair = { 0 };
        const uint64_t kept = stats->kept;
        bool more = false;

        CLSEQ_TRY(clseq_pairs_next(e->pairs, &pair, &more));
        if (!more)
            break;
        stats->read++;
        CLSEQ_TRY(encode_pair(e, &pair));
        if (e->source.size == 0 || e->target.size == 0)
            stats->skipped_empty++;
        else if (e->source.size > longest || e->target.size > longest)
            stats->skipped_long++;
        else
            CLSEQ_TRY(write_pair(e));
        if (e->options->keep_words && stats->kept > kept)
            CLSEQ_TRY(write_words(e));
    }
    if (stats->kept == 0)
        return clseq_fail(
            e->corpus->ctx, CLSEQ_ERR_DATA,
            "%s: no sentence pair is left: of %llu pairs %llu have an empty side and %llu "
            "a side longer than --max-length %zu",
            clseq_pairs_name(e->pairs), (unsigned long long)stats->read,
            (unsigned long long)stats->skipped_empty, (unsigned long long)stats->skipped_long,
            longest);
    return CLSEQ_OK;
}

/* How a side is cut, where that is more than words or characters, whose corpora keep the
 * fingerprints of releases that had nothing else. */
static void hash_units(encoder *e, const clseq_vocab *vocab)
{
    const clseq_text_options text = clseq_vocab_text_options(vocab);
    const uint64_t numbers[3] = { text.unit, text.rules, text.codes_size };

    if (text.unit <= CLSEQ_UNIT_CHAR && !text.rules)
        return;
    XXH3_64bits_update(e->hash, numbers, sizeof(numbers));
    if (text.codes_size > 0)
        XXH3_64bits_update(e->hash, text.codes, text.codes_size);
    if (text.pieces_size > 0)
        XXH3_64bits_update(e->hash, text.pieces, text.pieces_size);
    if (text.glossaries_size > 0)
        XXH3_64bits_update(e->hash, text.glossaries, text.glossaries_size);
}

/* Sizes belong to the fingerprint: with other vocabularies the same ids mean other words. */
static uint64_t finish_hash(encoder *e)
{
    const uint64_t sizes[2] = { e->corpus->source_vocab_size, e->corpus->target_vocab_size };

    hash_units(e, e->source_vocab);
    hash_units(e, e->target_vocab);

    XXH3_64bits_update(e->hash, sizes, sizeof(sizes));
    return XXH3_64bits_digest(e->hash);
}

static clseq_status encode(encoder *e)
{
    clseq_corpus *corpus = e->corpus;

    CLSEQ_TRY(clseq_pairs_rewind(e->pairs));
    CLSEQ_TRY(clseq_spool_open(corpus->ctx, e->options->folder, &corpus->ids));
    CLSEQ_TRY(clseq_spool_open(corpus->ctx, e->options->folder, &corpus->places));
    if (e->options->keep_words) {
        CLSEQ_TRY(clseq_spool_open(corpus->ctx, e->options->folder, &corpus->words));
        CLSEQ_TRY(clseq_spool_open(corpus->ctx, e->options->folder, &corpus->word_places));
    }
    CLSEQ_TRY(encode_all(e));
    if (e->options->keep_words) {
        CLSEQ_TRY(clseq_spool_map(&corpus->words));
        CLSEQ_TRY(clseq_spool_map(&corpus->word_places));
    }
    CLSEQ_TRY(clseq_spool_map(&corpus->ids));
    CLSEQ_TRY(clseq_spool_map(&corpus->places));
    corpus->fingerprint = finish_hash(e);
    return CLSEQ_OK;
}

clseq_status clseq_corpus_create(clseq_context *ctx, clseq_pairs *pairs,
                                 const clseq_vocab *source_vocab, const clseq_vocab *target_vocab,
                                 const clseq_corpus_options *options, clseq_corpus **ret)
{
    encoder e = { .pairs = pairs,
                  .source_vocab = source_vocab,
                  .target_vocab = target_vocab,
                  .options = options };
    clseq_status status;

    if (options->max_length == 0 || options->max_length > CLSEQ_LENGTH_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "--max-length %zu: it must be 1 to %u",
                          options->max_length, CLSEQ_LENGTH_LIMIT);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*e.corpus), "corpus", &e.corpus));
    e.corpus->ctx = ctx;
    e.corpus->ids.fd = e.corpus->places.fd = -1;
    e.corpus->words.fd = e.corpus->word_places.fd = -1;
    e.corpus->reverse_source = options->reverse_source;
    e.corpus->source_vocab_size = clseq_vocab_size(source_vocab);
    e.corpus->target_vocab_size = clseq_vocab_size(target_vocab);
    e.hash = XXH3_createState();
    if (!e.hash || XXH3_64bits_reset(e.hash) != XXH_OK) {
        status = clseq_fail(ctx, CLSEQ_ERR_NOMEM, "corpus: no memory for its fingerprint");
        goto out;
    }
    CLSEQ_TRY_GOTO(status, out, encode(&e));
    *ret = e.corpus;
    e.corpus = NULL;
out:
    XXH3_freeState(e.hash);
    clseq_ids_fini(&e.source);
    clseq_ids_fini(&e.target);
    clseq_text_fini(&e.words);
    clseq_corpus_destroy(&e.corpus);
    return status;
}

uint64_t clseq_corpus_size(const clseq_corpus *corpus)
{
    return corpus->stats.kept;
}

clseq_corpus_stats clseq_corpus_get_stats(const clseq_corpus *corpus)
{
    return corpus->stats;
}

uint64_t clseq_corpus_fingerprint(const clseq_corpus *corpus)
{
    return corpus->fingerprint;
}

void clseq_corpus_pair(const clseq_corpus *corpus, uint64_t index, clseq_sentence *source,
                       clseq_sentence *target)
{
    const clseq_pair_place *place = clseq_corpus_place(corpus, index);
    const int32_t *ids = (const int32_t *)corpus->ids.map + place->offset;

    *source = (clseq_sentence) { .ids = ids, .length = place->source_length };
    *target =
        (clseq_sentence) { .ids = ids + place->source_length, .length = place->target_length };
}
