/* SPDX-License-Identifier: BSD-2-Clause */
#include "data_files.h"

#include "data/utf8.h"

#include <utf8proc.h>

/* All lines of a file joined by '|'. */
static void expect_lines(fixture *f, const char *path, const char *want)
{
    clseq_lines *lines = NULL;
    char got[4096] = "";
    size_t used = 0;

    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, path, 0, &lines));
    for (;;) {
        const char *line = NULL;
        size_t length = 0;
        bool more = false;

        ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
        if (!more)
            break;
        assert_int_equal(strlen(line), length);
        used += (size_t)snprintf(got + used, sizeof(got) - used, "%s|", line);
        assert_true(used < sizeof(got));
    }
    assert_string_equal(got, want);
    clseq_lines_close(&lines);
    assert_null(lines);
}

/* The first line that fails must fail with this message. */
static void expect_bad(fixture *f, const char *path, size_t limit, clseq_status status,
                       const char *part)
{
    clseq_lines *lines = NULL;
    clseq_status got = clseq_lines_open(f->ctx, path, limit, &lines);
    bool more = true;

    while (got == CLSEQ_OK && more) {
        const char *line;
        size_t length;

        got = clseq_lines_next(lines, &line, &length, &more);
    }
    clseq_lines_close(&lines);
    ASSERT_FAILS(f->ctx, status, part, got);
}

static void line_ends(void **state)
{
    fixture *f = *state;

    expect_lines(f, make_text(f, "a", "one\ntwo\n"), "one|two|");
    expect_lines(f, make_text(f, "a", "one\ntwo"), "one|two|");
    expect_lines(f, make_text(f, "a", "one\r\ntwo\r\n\r\n"), "one|two||");
    expect_lines(f, make_text(f, "a", "a\rb\r\r\n"), "a\rb\r|");
    expect_lines(f, make_text(f, "a", "\n\n"), "||");
    expect_lines(f, make_text(f, "a", ""), "");
    expect_lines(f, make_text(f, "a", "\xef\xbb\xbfone\n\xef\xbb\xbftwo"), "one|\xef\xbb\xbftwo|");
    expect_lines(f, make_text(f, "a", "\xef\xbb\xbf"), "");
    expect_lines(f, make_text(f, "a", "\xef\xbb\xbf\n"), "|");
    expect_lines(f, "/dev/null", "");
}

static void gzip_by_content(void **state)
{
    fixture *f = *state;
    const char *path = make_gzip(f, "plain-name", "one\ntwo\n", "wb");
    FILE *file;

    expect_lines(f, path, "one|two|");
    path = make_gzip(f, "plain-name", "three\nfour", "ab");
    expect_lines(f, path, "one|two|three|four|");
    file = fopen(path, "ab");
    assert_int_equal(fwrite("\0\0\0", 1, 3, file), 3);
    fclose(file);
    expect_lines(f, path, "one|two|three|four|");
    file = fopen(path, "ab");
    assert_int_equal(fwrite("rubbish", 1, 7, file), 7);
    fclose(file);
    expect_bad(f, path, 0, CLSEQ_ERR_DATA, "something else follows");
    expect_lines(f, make_text(f, "x.gz", "not compressed\n"), "not compressed|");
    expect_lines(f, make_gzip(f, "empty.gz", "", "wb"), "");
    expect_lines(f, make_text(f, "one-byte", "\x1f"), "\x1f|");
}

static void damaged_gzip(void **state)
{
    fixture *f = *state;
    char data[8192];
    char text[20001];
    size_t size;
    FILE *file;

    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = i % 50 == 49 ? '\n' : (char)('a' + (i * i + i / 7) % 26);
    text[sizeof(text) - 1] = 0;
    file = fopen(make_gzip(f, "good.gz", text, "wb"), "rb");
    size = fread(data, 1, sizeof(data), file);
    fclose(file);
    assert_in_range(size, 100, sizeof(data) - 1);
    /* Cut anywhere behind the magic number: always an error, never a shorter file. */
    for (size_t cut = 2; cut < size; cut++)
        expect_bad(f, make_file(f, "cut.gz", data, cut), 0, CLSEQ_ERR_DATA, "damaged gzip file");
    data[size - 6] ^= 1; /* in the checksum */
    expect_bad(f, make_file(f, "sum.gz", data, size), 0, CLSEQ_ERR_DATA, "incorrect data check");
}

static void bad_content(void **state)
{
    fixture *f = *state;

    expect_bad(f, make_text(f, "a.de", "gut\nsch\xf6n\n"), 0, CLSEQ_ERR_DATA,
               "a.de:2: byte 4 (0xf6) is not valid UTF-8");
    expect_bad(f, make_text(f, "a", "ok\n\xed\xa0\x80"), 0, CLSEQ_ERR_DATA, "a:2: byte 1 ");
    expect_bad(f, make_text(f, "a", "ok\n\xe2\x82"), 0, CLSEQ_ERR_DATA, "a:2: byte 1 ");
    expect_bad(f, make_text(f, "a", "\xc0\x80"), 0, CLSEQ_ERR_DATA, "a:1: byte 1 ");
    expect_bad(f, make_text(f, "a", "\xf4\x90\x80\x80"), 0, CLSEQ_ERR_DATA, "a:1: byte 1 ");
    expect_bad(f, make_file(f, "a", "x\nab\0c\n", 7), 0, CLSEQ_ERR_DATA, "a:2: byte 3 is NUL");
    expect_bad(f,
               make_file(f, "a",
                         "\xff\xfe"
                         "a\0\n\0",
                         6),
               0, CLSEQ_ERR_DATA, "UTF-16");
    expect_bad(f, "/nowhere/train.de", 0, CLSEQ_ERR_IO, "/nowhere/train.de: cannot open");
    expect_bad(f, f->folder, 0, CLSEQ_ERR_IO, "is a folder");
}

static void long_lines(void **state)
{
    fixture *f = *state;
    const size_t n = CLSEQ_LINE_LIMIT;
    char *text = malloc(n + 16);
    clseq_lines *lines = NULL;
    const char *line = NULL;
    size_t length = 0;
    bool more = false;

    assert_non_null(text);
    memset(text, 'x', n + 16);
    memcpy(text, "first\n", 6);
    memcpy(text + 6 + n, "\r\n", 2); /* exactly the limit */
    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, make_file(f, "a", text, n + 8), 0, &lines));
    ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
    ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
    assert_int_equal(length, n);
    clseq_lines_close(&lines);
    memcpy(text + 6 + n, "x\n", 2); /* one more */
    expect_bad(f, make_file(f, "a", text, n + 8), 0, CLSEQ_ERR_DATA,
               "a:2: the line has 1048577 bytes, the limit is 1048576");
    expect_bad(f, make_file(f, "a", text, n + 6), 1000, CLSEQ_ERR_DATA, "limit of 1000 bytes");
    expect_bad(f, "/dev/zero", 0, CLSEQ_ERR_DATA, "/dev/zero:1: the line is longer");
    free(text);
}

static void count_and_rewind(void **state)
{
    fixture *f = *state;
    clseq_lines *lines = NULL;
    const char *line = NULL;
    size_t length = 0;
    uint64_t rest = 0;
    bool more = false;

    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, make_gzip(f, "a", "1\n2\n\n4", "wb"), 0, &lines));
    for (int round = 0; round < 3; round++) {
        ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
        assert_string_equal(line, "1");
        assert_int_equal(clseq_lines_number(lines), 1);
        ASSERT_OK(f->ctx, clseq_lines_count_rest(lines, &rest));
        assert_int_equal(rest, 3);
        ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
        assert_false(more);
        ASSERT_OK(f->ctx, clseq_lines_rewind(lines));
    }
    clseq_lines_close(&lines);
}

/* Lines written to a pipe one by one must come out one by one: each is answered before the next is
 * written, so waiting for more than a line would hang (and the alarm would end the test). */
static void pipe_is_not_read_ahead(void **state)
{
    fixture *f = *state;
    clseq_lines *lines = NULL;
    int fd[2];
    char path[64];

    assert_int_equal(pipe(fd), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
    alarm(20);
    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, path, 0, &lines));
    assert_false(clseq_lines_can_rewind(lines));
    for (int i = 0; i < 3; i++) {
        const char *line = NULL;
        size_t length = 0;
        bool more = false;

        assert_int_equal(write(fd[1], "hello\n", 6), 6);
        ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
        assert_string_equal(line, "hello");
    }
    alarm(0);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "only once", clseq_lines_rewind(lines));
    clseq_lines_close(&lines);
    close(fd[0]);
    close(fd[1]);
}

/* Random bytes: clseq against utf8proc, code point by code point. */
static void utf8_agrees_with_utf8proc(void **state)
{
    static const unsigned char bytes[] = { 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                           0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                           0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
    const size_t kinds = sizeof(bytes);
    size_t valid_texts = 0;

    for (size_t number = 0; number < kinds * kinds * kinds * kinds; number++) {
        unsigned char text[12] = { 'a', 'b', 'c', 'd' };
        size_t n = 4, at = 0;

        for (size_t k = number, i = 0; i < 4; i++, k /= kinds)
            text[n++] = bytes[k % kinds];
        while (at < n) {
            int32_t point;
            const utf8proc_ssize_t length =
                utf8proc_iterate(text + at, (utf8proc_ssize_t)(n - at), &point);
            size_t next = at;

            if (length < 1)
                break;
            assert_int_equal(clseq_utf8_next((const char *)text, &next), point);
            at += (size_t)length;
            assert_int_equal(next, at);
        }
        assert_int_equal(clseq_utf8_valid_prefix((const char *)text, n), at);
        valid_texts += at == n;
    }
    assert_in_range(valid_texts, 100, 100000);
}

/* The set of Python 3's str.isspace(): every code point c of range(0x110000) with c.isspace(). */
static void white_space_is_that_of_python(void **state)
{
    size_t count = 0;

    for (int32_t point = 0; point < 0x110000; point++)
        count += clseq_is_space(point);
    assert_int_equal(count, 29);
    for (size_t i = 0; i < 29; i++) {
        static const int32_t want[29] = { 0x9,    0xa,    0xb,    0xc,    0xd,    0x1c,
                                          0x1d,   0x1e,   0x1f,   0x20,   0x85,   0xa0,
                                          0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004,
                                          0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a,
                                          0x2028, 0x2029, 0x202f, 0x205f, 0x3000 };

        assert_true(clseq_is_space(want[i]));
    }
}

static void expect_normal(fixture *f, clseq_normalizer *z, bool lowercase, const char *text,
                          const char *want)
{
    const char *got = NULL;
    size_t n = 0;

    ASSERT_OK(f->ctx, clseq_normalize(f->ctx, z, lowercase, text, strlen(text), &got, &n));
    assert_int_equal(n, strlen(want));
    assert_memory_equal(got, want, n);
}

static void normal_form(void **state)
{
    fixture *f = *state;
    clseq_normalizer z = { 0 };
    char marks[2 * 300 + 2] = "a";
    const char *got = NULL;
    size_t n = 0;

    expect_normal(f, &z, false, "Ab \xc3\xa9", "Ab \xc3\xa9");
    expect_normal(f, &z, false, "e\xcc\x81", "\xc3\xa9"); /* e + acute */
    expect_normal(f, &z, true, "E\xcc\x81 \xc3\x89 XY", "\xc3\xa9 \xc3\xa9 xy");
    expect_normal(f, &z, false, "\xe2\x84\xab", "\xc3\x85");     /* angstrom sign */
    expect_normal(f, &z, false, "\xef\xac\x81", "\xef\xac\x81"); /* fi ligature: not NFKC */
    expect_normal(f, &z, false, "\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80"); /* Hangul */
    expect_normal(f, &z, false, "\xe3\x81\x8b\xe3\x82\x99", "\xe3\x81\x8c"); /* kana */
    /* Marks in the wrong order: dot above, dot below. */
    expect_normal(f, &z, false, "q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87");
    expect_normal(f, &z, true, "\xc3\x84\xc3\x96\xc3\x9c\xc3\x9f",
                  "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f");
    expect_normal(f, &z, true, "", "");
    for (size_t i = 0; i < 300; i++)
        memcpy(marks + 1 + 2 * i, "\xcc\x81", 2);
    marks[1 + 2 * 256] = 0;
    ASSERT_OK(f->ctx, clseq_normalize(f->ctx, &z, false, marks, strlen(marks), &got, &n));
    marks[1 + 2 * 256] = '\xcc';
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "256 combining marks",
                 clseq_normalize(f->ctx, &z, false, marks, 601, &got, &n));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "byte 3 (0xff) is not valid UTF-8",
                 clseq_normalize(f->ctx, &z, false, "ab\xff", 3, &got, &n));
    clseq_normalizer_fini(&z);
}

/* Every code point, after a letter and before a mark, against utf8proc's whole-text functions; and
 * doing it twice changes nothing. */
static void normal_form_of_all_code_points(void **state)
{
    fixture *f = *state;
    clseq_normalizer z = { 0 }, again = { 0 };

    for (int32_t point = 1; point < 0x110000; point++) {
        unsigned char text[16] = { 'A' };
        const char *got = NULL, *twice = NULL;
        size_t n = 1, size = 0, size_twice = 0;

        if (point == '\n' || (point >= 0xd800 && point < 0xe000))
            continue;
        n += (size_t)utf8proc_encode_char(point, text + n);
        memcpy(text + n, "\xcc\xa3\0", 3);
        n += 2;
        ASSERT_OK(f->ctx, clseq_normalize(f->ctx, &z, false, (char *)text, n, &got, &size));
        if (point % 7 == 0 || point < 0x3000) {
            utf8proc_uint8_t *want = utf8proc_NFC(text);

            assert_non_null(want);
            assert_int_equal(strlen((char *)want), size);
            assert_memory_equal(got, want, size);
            free(want);
        }
        ASSERT_OK(f->ctx, clseq_normalize(f->ctx, &z, true, (char *)text, n, &got, &size));
        ASSERT_OK(f->ctx, clseq_normalize(f->ctx, &again, true, got, size, &twice, &size_twice));
        assert_int_equal(size, size_twice);
        assert_memory_equal(got, twice, size);
    }
    clseq_normalizer_fini(&z);
    clseq_normalizer_fini(&again);
}

static clseq_status read_pairs(fixture *f, const char *source, const char *target, char *got)
{
    clseq_pairs *pairs = NULL;
    clseq_status status = clseq_pairs_open(f->ctx, source, target, 0, &pairs);
    bool more = true;

    got[0] = 0;
    while (status == CLSEQ_OK && more) {
        clseq_pair pair = { 0 };

        status = clseq_pairs_next(pairs, &pair, &more);
        if (status == CLSEQ_OK && more)
            sprintf(got + strlen(got), "%.*s=%.*s(%.*s);", (int)pair.source_length, pair.source,
                    (int)pair.target_length, pair.target, (int)pair.further_length,
                    pair.target + pair.target_length);
    }
    clseq_pairs_close(&pairs);
    return status;
}

static void pairs_of_files(void **state)
{
    fixture *f = *state;
    char got[256];

    ASSERT_OK(f->ctx, read_pairs(f, make_text(f, "s", "a\nb c\n"),
                                 make_gzip(f, "t", "A\nB\tC", "wb"), got));
    assert_string_equal(got, "a=A();b c=B\tC();");
    ASSERT_OK(f->ctx, read_pairs(f, make_text(f, "x.tsv", "a\tA\n\tB\tmore\tx\nc\t\r\nd\tD\t\n"),
                                 NULL, got));
    assert_string_equal(got, "a=A();=B(\tmore\tx);c=();d=D(\t);");
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "x.tsv:2: the line has no TAB",
                 read_pairs(f, make_text(f, "x.tsv", "a\tA\nb B\n"), NULL, got));
    ASSERT_FAILS(
        f->ctx, CLSEQ_ERR_DATA, "different line counts (4 and 2)",
        read_pairs(f, make_text(f, "s", "1\n2\n3\n4\n"), make_text(f, "t", "1\n2\n"), got));
    assert_non_null(strstr(clseq_context_error(f->ctx), "/s and /"));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "different line counts (1 and 3)",
                 read_pairs(f, make_text(f, "s", "1\n"), make_text(f, "t", "1\n2\n3"), got));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "/t: the file is empty",
                 read_pairs(f, make_text(f, "s", "1\n"), make_text(f, "t", ""), got));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "/s: the file is empty",
                 read_pairs(f, make_text(f, "s", ""), make_text(f, "t", ""), got));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "/s: the file is empty",
                 read_pairs(f, make_text(f, "s", ""), NULL, got));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "/t:2: byte 1 (0xff)",
                 read_pairs(f, make_text(f, "s", "1\n2\n"), make_text(f, "t", "1\n\xff\n"), got));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_IO, "/missing: cannot open",
                 read_pairs(f, make_text(f, "s", "1\n"), "/missing", got));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "both \"-\"", read_pairs(f, "-", "-", got));
}

static clseq_status next_square(void *user, clseq_pair *pair, bool *more)
{
    static const char digits[] = "0149";
    int *number = user;

    if (*number < 0)
        return CLSEQ_ERR_DATA;
    *more = *number < 4;
    *pair = (clseq_pair) {
        .source = digits + *number, .target = "x", .source_length = 1, .target_length = 1
    };
    ++*number;
    return CLSEQ_OK;
}

static clseq_status rewind_squares(void *user)
{
    *(int *)user = 0;
    return CLSEQ_OK;
}

static void pairs_of_memory_and_generator(void **state)
{
    static const char *const source[] = { "a", "" }, *const target[] = { "A", "B" };
    fixture *f = *state;
    int number = 0;
    const clseq_pair_generator squares = { &number, "squares", next_square, rewind_squares };
    clseq_pairs *pairs = NULL;
    clseq_pair pair = { 0 };
    bool more = false;

    ASSERT_OK(f->ctx, clseq_pairs_create_from_strings(f->ctx, "list", source, target, 2, &pairs));
    for (int round = 0; round < 2; round++) {
        ASSERT_OK(f->ctx, clseq_pairs_next(pairs, &pair, &more));
        ASSERT_OK(f->ctx, clseq_pairs_next(pairs, &pair, &more));
        assert_true(more);
        assert_int_equal(pair.source_length, 0);
        assert_string_equal(clseq_pairs_place(pairs, true), "list:2");
        ASSERT_OK(f->ctx, clseq_pairs_next(pairs, &pair, &more));
        assert_false(more);
        ASSERT_OK(f->ctx, clseq_pairs_rewind(pairs));
    }
    clseq_pairs_close(&pairs);
    ASSERT_OK(f->ctx, clseq_pairs_create_from_generator(f->ctx, &squares, &pairs));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++) {
            ASSERT_OK(f->ctx, clseq_pairs_next(pairs, &pair, &more));
            assert_true(more);
            assert_int_equal(pair.source[0], "0149"[i]);
        }
        ASSERT_OK(f->ctx, clseq_pairs_next(pairs, &pair, &more));
        assert_false(more);
        ASSERT_OK(f->ctx, clseq_pairs_rewind(pairs));
    }
    number = -1;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "squares:1: the generator of pairs failed",
                 clseq_pairs_next(pairs, &pair, &more));
    clseq_pairs_close(&pairs);
}

static void real_files_are_read(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *name;
        uint64_t count;
    } files[] = { { "multi30k/tok/train.lc.norm.tok.de.gz", 29000 },
                  { "enja/train.ja.gz", 50000 },
                  { "tatoeba/deu.train.tsv.gz", 165795 } };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(files); i++) {
        clseq_lines *lines = NULL;
        char path[512];
        uint64_t count = 0;
        bool more = true;

        need_data(path, sizeof(path), files[i].name);
        ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, path, 0, &lines));
        while (more) {
            const char *line;
            size_t length;

            ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
            count += more;
        }
        assert_int_equal(count, files[i].count);
        clseq_lines_close(&lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends),
        cmocka_unit_test(gzip_by_content),
        cmocka_unit_test(damaged_gzip),
        cmocka_unit_test(bad_content),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(count_and_rewind),
        cmocka_unit_test(pipe_is_not_read_ahead),
        cmocka_unit_test(utf8_agrees_with_utf8proc),
        cmocka_unit_test(white_space_is_that_of_python),
        cmocka_unit_test(normal_form),
        cmocka_unit_test(normal_form_of_all_code_points),
        cmocka_unit_test(pairs_of_files),
        cmocka_unit_test(pairs_of_memory_and_generator),
        cmocka_unit_test(real_files_are_read),
    };

    return cmocka_run_group_tests_name("text", tests, fixture_create, fixture_destroy);
}
