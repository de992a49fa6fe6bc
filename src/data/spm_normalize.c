/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/spm_inside.h"

#include <stdlib.h>

/* The longest string a rule may replace: keeps the time linear whatever the map says. */
#define RULE_LENGTH 4096

/* One unit of the double array. */
static uint32_t unit_label(uint32_t unit)
{
    return unit & 0x800000ffu;
}

static uint32_t unit_offset(uint32_t unit)
{
    return (unit >> 10) << ((unit & 0x200u) >> 6);
}

static bool unit_has_leaf(uint32_t unit)
{
    return (unit >> 8) & 1;
}

#define UNIT_IS_VALUE 0x80000000u
#define UNIT_VALUE    0x7fffffffu

static uint32_t read_u32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void clseq_spm_rules_fini(clseq_spm_rules *rules)
{
    free(rules->units);
    free(rules->replacements);
    rules->units = NULL;
    rules->replacements = NULL;
    rules->unit_count = rules->replacements_size = 0;
}

/* Every value must point at the start of a character of a replacement. */
static const char *check_rules(const clseq_spm_rules *rules)
{
    const char *text = rules->replacements;
    const size_t size = rules->replacements_size;

    if (clseq_utf8_valid_prefix(text, size) < size)
        return "a replacement of its normalisation rules is not UTF-8";
    for (size_t i = 0; i < rules->unit_count; i++) {
        const uint32_t value = rules->units[i] & UNIT_VALUE;

        if ((rules->units[i] & UNIT_IS_VALUE) == 0)
            continue;
        if (value >= size || ((unsigned char)text[value] & 0xc0) == 0x80)
            return "a normalisation rule points outside the replacements";
    }
    return NULL;
}

clseq_status clseq_spm_rules_read(clseq_context *ctx, clseq_spm_rules *rules,
                                  const unsigned char *map, size_t size, const char **why)
{
    size_t bytes;

    clseq_spm_rules_fini(rules);
    if (size == 0)
        return CLSEQ_OK;
    *why = "the normalisation rules are cut short";
    if (size <= 4)
        return CLSEQ_ERR_FORMAT;
    bytes = read_u32(map);
    if (bytes >= size - 4)
        return CLSEQ_ERR_FORMAT;
    *why = "the size of the normalisation rules is not a multiple of 4";
    if (bytes % 4 != 0)
        return CLSEQ_ERR_FORMAT;
    rules->unit_count = bytes / 4;
    rules->replacements_size = size - 4 - bytes;
    CLSEQ_TRY(clseq_calloc(ctx, rules->unit_count, sizeof(*rules->units), "normalisation rules",
                           &rules->units));
    CLSEQ_TRY(clseq_calloc(ctx, rules->replacements_size + 1, 1, "normalisation rules",
                           &rules->replacements));
    for (size_t i = 0; i < rules->unit_count; i++)
        rules->units[i] = read_u32(map + 4 + 4 * i);
    memcpy(rules->replacements, map + 4 + bytes, rules->replacements_size);
    *why = check_rules(rules);
    return *why ? CLSEQ_ERR_FORMAT : CLSEQ_OK;
}

/* Length of the longest string with a rule that the text begins with, and its new text; 0 when
 * there is none. */
static size_t longest_rule(const clseq_spm_rules *rules, const char *text, size_t n,
                           const char **replacement)
{
    const uint32_t *units = rules->units;
    const size_t end = n < RULE_LENGTH ? n : RULE_LENGTH;
    size_t longest = 0, at;

    if (rules->unit_count == 0)
        return 0;
    at = unit_offset(units[0]);
    for (size_t i = 0; i < end; i++) {
        const unsigned char byte = (unsigned char)text[i];

        at ^= byte;
        if (at >= rules->unit_count || unit_label(units[at]) != byte)
            break;
        const bool has_leaf = unit_has_leaf(units[at]);
        at ^= unit_offset(units[at]);
        if (at >= rules->unit_count)
            break;
        if (has_leaf && (units[at] & UNIT_IS_VALUE)) {
            longest = i + 1;
            *replacement = rules->replacements + (units[at] & UNIT_VALUE);
        }
    }
    return longest;
}

/* What the beginning of the text becomes: *size bytes at *ret. Returns how much of the text that
 * is, 1 or more. */
static size_t normalize_prefix(const clseq_spm_rules *rules, const char *text, size_t n,
                               const char **ret, size_t *size)
{
    size_t length = rules->untouched ? clseq_byte_trie_longest(rules->untouched, text, n) : 0;

    *ret = text;
    if (length == 0) {
        length = longest_rule(rules, text, n, ret);
        if (length > 0) {
            *size = strlen(*ret);
            return length;
        }
        length = clseq_utf8_sequence(text, n);
    }
    if (length == 0) {
        *ret = "\xef\xbf\xbd"; /* U+FFFD for one byte that is not UTF-8 */
        *size = 3;
        return 1;
    }
    *size = length;
    return length;
}

static clseq_status add_space(clseq_context *ctx, const clseq_spm_rules *rules, clseq_text *ret)
{
    return rules->escape_whitespaces
               ? clseq_text_append(ctx, ret, CLSEQ_SPM_SPACE, CLSEQ_SPM_SPACE_SIZE)
               : clseq_text_append(ctx, ret, " ", 1);
}

static clseq_status add_text(clseq_context *ctx, const clseq_spm_rules *rules, const char *text,
                             size_t n, clseq_text *ret)
{
    size_t begin = 0;

    while (begin < n) {
        const char *space = rules->escape_whitespaces ? memchr(text + begin, ' ', n - begin) : NULL;
        const size_t end = space ? (size_t)(space - text) : n;

        CLSEQ_TRY(clseq_text_append(ctx, ret, text + begin, end - begin));
        if (space)
            CLSEQ_TRY(add_space(ctx, rules, ret));
        begin = space ? end + 1 : end;
    }
    if (ret->size > CLSEQ_SPM_LINE_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_LIMIT,
                          "a normalised line is longer than the limit of %zu bytes: put one "
                          "sentence on a line",
                          CLSEQ_SPM_LINE_LIMIT);
    return CLSEQ_OK;
}

/* Position behind what becomes single spaces at the start. */
static size_t skip_spaces(const clseq_spm_rules *rules, const char *text, size_t n)
{
    size_t at = 0;

    while (at < n) {
        const char *becomes = NULL;
        size_t size = 0;
        const size_t used = normalize_prefix(rules, text + at, n - at, &becomes, &size);

        if (size != 1 || becomes[0] != ' ')
            break;
        at += used;
    }
    return at;
}

static void remove_trailing_spaces(const clseq_spm_rules *rules, clseq_text *ret)
{
    const char *space = rules->escape_whitespaces ? CLSEQ_SPM_SPACE : " ";
    const size_t size = strlen(space);

    while (ret->size >= size && memcmp(ret->data + ret->size - size, space, size) == 0)
        ret->size -= size;
    ret->data[ret->size] = 0;
}

clseq_status clseq_spm_rules_apply(clseq_context *ctx, const clseq_spm_rules *rules,
                                   const char *text, size_t n, clseq_text *ret)
{
    const bool squeeze = rules->remove_extra_whitespaces;
    size_t at = squeeze ? skip_spaces(rules, text, n) : 0;
    bool after_space = squeeze;

    CLSEQ_TRY(clseq_text_clear(ctx, ret));
    if (at == n)
        return CLSEQ_OK;
    if (rules->add_dummy_prefix && !rules->space_is_suffix)
        CLSEQ_TRY(add_space(ctx, rules, ret));
    while (at < n) {
        const char *becomes = NULL;
        size_t size = 0;

        at += normalize_prefix(rules, text + at, n - at, &becomes, &size);
        while (after_space && size > 0 && becomes[0] == ' ') {
            becomes++;
            size--;
        }
        if (size == 0)
            continue;
        CLSEQ_TRY(add_text(ctx, rules, becomes, size, ret));
        after_space = squeeze && becomes[size - 1] == ' ';
    }
    if (squeeze)
        remove_trailing_spaces(rules, ret);
    if (rules->add_dummy_prefix && rules->space_is_suffix)
        CLSEQ_TRY(add_space(ctx, rules, ret));
    return CLSEQ_OK;
}
