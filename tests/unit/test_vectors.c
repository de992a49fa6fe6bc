/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of word vectors: every format, odd but right ones, damaged ones, and those of other
 * programs. */
#include "data_files.h"

#include "base/file.h"

#include <clseq/vectors.h>

#include <locale.h>
#include <math.h>

static clseq_vectors *read_vectors(fixture *f, const char *path, const char *const *wanted,
                                   size_t count)
{
    const struct clseq_vectors_options options = { .wanted = wanted, .wanted_count = count };
    clseq_vectors *v = NULL;

    ASSERT_OK(f->ctx, clseq_vectors_read(f->ctx, path, &options, &v));
    return v;
}

static void refuse(fixture *f, const char *path, clseq_status expected, const char *part)
{
    clseq_vectors *v = NULL;

    ASSERT_FAILS(f->ctx, expected, part, clseq_vectors_read(f->ctx, path, NULL, &v));
    assert_null(v);
}

static void expect_row(const clseq_vectors *v, const char *word, const float *expected,
                       double bound)
{
    const size_t index = clseq_vectors_find(v, word);

    if (index == SIZE_MAX)
        fail_msg("%s is missing", word);
    assert_string_equal(clseq_vectors_word(v, index), word);
    for (size_t i = 0; i < clseq_vectors_size(v); i++) {
        const double got = (double)clseq_vectors_row(v, index)[i];

        if (!(fabs(got - (double)expected[i]) <= bound))
            fail_msg("%s: number %zu is %.9g, expected %.9g", word, i, got, (double)expected[i]);
    }
}

#define ROW(...) ((const float[]) { __VA_ARGS__ })

/* cat 1 2.5, dog -3 0.25, in this format and with these words. */
static void expect_pets(fixture *f, const char *path, clseq_vectors_format format)
{
    clseq_vectors *v = read_vectors(f, path, NULL, 0);

    assert_int_equal(clseq_vectors_get_stats(v).format, format);
    assert_int_equal(clseq_vectors_count(v), 2);
    assert_int_equal(clseq_vectors_size(v), 2);
    expect_row(v, "cat", ROW(1, 2.5f), 0);
    expect_row(v, "dog", ROW(-3, 0.25f), 0);
    assert_true(clseq_vectors_find(v, "cow") == SIZE_MAX);
    clseq_vectors_destroy(&v);
}

static void test_text(void **state)
{
    static const char *const headless[] = {
        "cat 1 2.5\ndog -3 0.25\n",
        "cat 1 2.5\ndog -3 0.25",
        "cat\t1\t2.5\ndog\t-3\t0.25\n",
        "cat 1 2.5 \ndog -3 .25 \n",
        "cat 1 2.5\r\ndog -3 0.25\r\n",
        "cat 1e0 +2.5\ndog  -3E+0 25e-2\n\n",
        "\357\273\277cat 1 2.5\ndog -3 0.25\n",
    };
    static const char *const header[] = {
        "2 2\ncat 1 2.5\ndog -3 0.25\n",    "2 2 \ncat 1 2.5 \ndog -3 0.25 \n",
        "2\t2\r\ncat 1 2.5\r\ndog -3 0.25", "2 2\ncat 1 2.5\ndog -3 0.25\n\n",
        "1 2\ncat 1 2.5\ndog -3 0.25\n",    "\357\273\2772 2\ncat 1 2.5\ndog -3 0.25\n",
    };
    fixture *f = *state;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(headless); i++) {
        expect_pets(f, make_text(f, "glove", headless[i]), CLSEQ_VECTORS_TEXT);
        expect_pets(f, make_gzip(f, "glove.gz", headless[i], "wb"), CLSEQ_VECTORS_TEXT);
    }
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(header); i++)
        expect_pets(f, make_text(f, "vec", header[i]), CLSEQ_VECTORS_TEXT_HEADER);
}

/* Words with spaces, as GloVe's of 840 billion words; a word that is a number; no word at all. */
static void test_odd_words(void **state)
{
    fixture *f = *state;
    clseq_vectors *v = read_vectors(
        f,
        make_text(f, "glove",
                  ". . 1 2\ncat 3 4\nat a@b.com 5 6\n7 8 9\ncat 0 0\n 10 11\nNB\xc2\xa0SP 12 13\n"
                  "br\xffken 14 15\n"),
        NULL, 0);
    const struct clseq_vectors_stats stats = clseq_vectors_get_stats(v);

    assert_int_equal(clseq_vectors_size(v), 2);
    expect_row(v, ". .", ROW(1, 2), 0);
    expect_row(v, "cat", ROW(3, 4), 0);
    expect_row(v, "at a@b.com", ROW(5, 6), 0);
    expect_row(v, "7", ROW(8, 9), 0);
    expect_row(v, "NB\xc2\xa0SP", ROW(12, 13), 0);
    assert_int_equal(stats.words, 8);
    assert_int_equal(stats.duplicates, 1);
    assert_int_equal(stats.unusable, 2);
    assert_int_equal(clseq_vectors_count(v), 5);
    clseq_vectors_destroy(&v);
}

static void test_damaged_text(void **state)
{
    fixture *f = *state;

    refuse(f, make_text(f, "v", ""), CLSEQ_ERR_FORMAT, "empty");
    refuse(f, make_text(f, "v", "\n\n"), CLSEQ_ERR_FORMAT, "no file of word vectors");
    refuse(f, make_text(f, "v", "just\nwords\n"), CLSEQ_ERR_FORMAT, "no file of word vectors");
    refuse(f, make_text(f, "v", "a 1 2 3\nb 4 5\nc 6 7 8\n"), CLSEQ_ERR_FORMAT,
           "line 2 has 3 fields");
    refuse(f, make_text(f, "v", "a 1 2 3\nb 4 5\n"), CLSEQ_ERR_FORMAT, "line 2 has 3 fields");
    refuse(f, make_text(f, "v", "a 1 2\nb 3 4 5\nc 6 7\n"), CLSEQ_ERR_FORMAT,
           "line 2 has 4 fields");
    refuse(f, make_text(f, "v", "a 1 2\nb 3 x4\nc 6 7\n"), CLSEQ_ERR_FORMAT, "line 2: number 2");
    refuse(f, make_text(f, "v", "a 1 2\nb nan 4\nc 6 7\n"), CLSEQ_ERR_FORMAT, "line 2: number 1");
    refuse(f, make_text(f, "v", "a 1 2\nb 3 1e99\nc 6 7\n"), CLSEQ_ERR_FORMAT, "line 2: number 2");
    refuse(f, make_text(f, "v", "a 1 2\nb 3 0x4\nc 6 7\n"), CLSEQ_ERR_FORMAT, "line 2: number 2");
    refuse(f, make_text(f, "v", "a 1,5 2\nb 3 4\n"), CLSEQ_ERR_FORMAT, "line 1: number 1");
    refuse(f, make_text(f, "v", "3 2\na 1 2\nb 3 4\n"), CLSEQ_ERR_FORMAT,
           "says 3 words, but there are 2");
    refuse(f, make_text(f, "v", "2 2\na 1 2\nb 3"), CLSEQ_ERR_FORMAT, "line 3 has 2 fields");
    refuse(f, make_text(f, "v", "a 1 2\n\nb 3 4\n"), CLSEQ_ERR_FORMAT,
           "line 3 comes behind an empty line");
    refuse(f, "/nowhere/at/all", CLSEQ_ERR_IO, "cannot open");
}

/* A decimal comma around the library changes nothing. */
static void test_locale(void **state)
{
    fixture *f = *state;

    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        printf("skipped: the locale de_DE.UTF-8 is missing\n");
        skip();
    }
    expect_pets(f, make_text(f, "v", "cat 1 2.5\ndog -3 0.25\n"), CLSEQ_VECTORS_TEXT);
    setlocale(LC_ALL, "C");
}

static void put_float(char *at, float x)
{
    memcpy(at, &x, sizeof(x)); /* the machines this runs on are little-endian */
}

/* Both layouts of word2vec's binary files, and every way to cut them off. */
static void test_binary(void **state)
{
    fixture *f = *state;

    for (int line_ends = 0; line_ends < 2; line_ends++) {
        char data[64] = "2 2\ncat ";
        size_t n = 8;

        put_float(data + n, 1);
        put_float(data + n + 4, 2.5f);
        n += 8;
        if (line_ends)
            data[n++] = '\n';
        memcpy(data + n, "dog ", 4);
        put_float(data + n + 4, -3);
        put_float(data + n + 8, 0.25f);
        n += 12;
        for (size_t cut = 5; cut < n; cut++)
            refuse(f, make_file(f, "cut.bin", data, cut), CLSEQ_ERR_FORMAT, "cut");
        if (line_ends)
            data[n++] = '\n';
        expect_pets(f, make_file(f, "pets.bin", data, n), CLSEQ_VECTORS_BINARY);
        put_float(data + 8, INFINITY);
        refuse(f, make_file(f, "inf.bin", data, n), CLSEQ_ERR_FORMAT, "word 1");
    }
}

/* Only what is wanted is kept; without a list the first words. */
static void test_wanted(void **state)
{
    static const char *const wanted[] = { "dog", "cow", "ant", "dog" };
    const struct clseq_vectors_options first = { .limit = 2 };
    fixture *f = *state;
    const char *path = make_text(f, "v", "ant 1\nbee 2\ncat 3\ndog 4\n");
    clseq_vectors *v = read_vectors(f, path, wanted, CLSEQ_ARRAY_SIZE(wanted));

    assert_int_equal(clseq_vectors_count(v), 2);
    assert_string_equal(clseq_vectors_word(v, 0), "ant");
    expect_row(v, "dog", ROW(4), 0);
    assert_int_equal(clseq_vectors_get_stats(v).words, 4);
    clseq_vectors_destroy(&v);
    ASSERT_OK(f->ctx, clseq_vectors_read(f->ctx, path, &first, &v));
    assert_int_equal(clseq_vectors_count(v), 2);
    expect_row(v, "bee", ROW(2), 0);
    clseq_vectors_destroy(&v);
}

static void test_nearest(void **state)
{
    fixture *f = *state;
    clseq_vectors *v =
        read_vectors(f, make_text(f, "v", "a 1 0\nb 0 2\nc 3 3\nd -1 0\ne 0 0\nf 5 0\n"), NULL, 0);
    const size_t except[] = { 0 };
    struct clseq_neighbor n[6];

    assert_int_equal(clseq_vectors_nearest(v, ROW(2, 0), except, 1, 3, n), 3);
    assert_int_equal(n[0].index, 5);
    assert_true(fabs(n[0].similarity - 1) < 1e-12);
    assert_int_equal(n[1].index, 2);
    assert_true(fabs(n[1].similarity - sqrt(0.5)) < 1e-12);
    assert_int_equal(n[2].index, 1); /* as far as e, which comes later */
    assert_true(n[2].similarity == 0);
    assert_int_equal(clseq_vectors_nearest(v, ROW(2, 0), NULL, 0, 6, n), 6);
    assert_int_equal(n[0].index, 0); /* as near as f */
    assert_int_equal(n[5].index, 3);
    clseq_vectors_destroy(&v);
}

/* Points of an ellipse in a plane that lies askew in space: its axes are found, longest first. */
static void test_principal(void **state)
{
    enum { N = 24 };
    static const double a[3] = { 2.0 / 3, 2.0 / 3, 1.0 / 3 }, b[3] = { 1.0 / 3, -2.0 / 3, 2.0 / 3 };
    fixture *f = *state;
    float x[N][3];
    double got[N][2], part[2];

    for (int i = 0; i < N; i++) {
        const double t = 2 * 3.14159265358979323846 * i / N;

        for (int k = 0; k < 3; k++)
            x[i][k] = (float)(7 + 5 * cos(t) * a[k] + 2 * sin(t) * b[k]);
    }
    ASSERT_OK(f->ctx, clseq_principal_components(f->ctx, x[0], N, 3, got[0], part));
    for (int i = 0; i < N; i++) {
        const double t = 2 * 3.14159265358979323846 * i / N;

        /* Each axis points where its largest number is above 0: b has two as large. */
        assert_true(fabs(got[i][0] - 5 * cos(t)) < 1e-5);
        assert_true(fabs(fabs(got[i][1]) - fabs(2 * sin(t))) < 1e-5);
    }
    assert_true(fabs(part[0] - 25.0 / 29) < 1e-6 && fabs(part[1] - 4.0 / 29) < 1e-6);
    /* On a line, at one place, alone, and none at all. */
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 3; k++)
            x[i][k] = (float)i;
    }
    ASSERT_OK(f->ctx, clseq_principal_components(f->ctx, x[0], N, 3, got[0], part));
    assert_true(fabs(part[0] - 1) < 1e-9 &&
                fabs(got[N - 1][0] - got[0][0] - (N - 1) * sqrt(3)) < 1e-6);
    assert_true(got[N - 1][1] == 0 && part[1] == 0);
    for (int n = 0; n < 2; n++) {
        ASSERT_OK(f->ctx, clseq_principal_components(f->ctx, x[0], (size_t)n, 3, got[0], part));
        assert_true(part[0] == 0 && part[1] == 0);
    }
}

/* ---- fastText ---- */

#define FASTTEXT "fasttext_tiny.bin" /* tests/fixture/make_fasttext_fixture.py */

static const char *fasttext_path(char *path, size_t size)
{
    snprintf(path, size, "%s/" FASTTEXT, getenv("CLSEQ_FIXTURES") ? getenv("CLSEQ_FIXTURES") : ".");
    return path;
}

/* Words of the model and others, against what gensim made of the same file. */
static void test_fasttext(void **state)
{
    static const char *const wanted[] = { "the",      "K\xc3\xa4se",       "cats", "Hunde",
                                          "\xc3\x9f", "K\xc3\xa4sekuchen", "x" };
    static const float expected[][3] = {
        { 0.0474010669f, 0.1084316f, 0.0535537489f },
        { 0.0748063847f, 0.0179560389f, 0.0333231948f },
        { 0.0142172202f, 0.0686025098f, -0.00286924094f },
        { -0.0416949503f, -0.000379244477f, 0.0495851077f },
        { -0.191537425f, -0.0203180704f, -0.0304753873f },
        { 0.00608099392f, -0.014720046f, 0.0616718717f },
        { -0.116205186f, 0.03557669f, 0.107242167f },
    };
    fixture *f = *state;
    char path[512];
    clseq_vectors *v =
        read_vectors(f, fasttext_path(path, sizeof(path)), wanted, CLSEQ_ARRAY_SIZE(wanted));

    assert_int_equal(clseq_vectors_get_stats(v).format, CLSEQ_VECTORS_FASTTEXT_MODEL);
    assert_int_equal(clseq_vectors_get_stats(v).composed, 5);
    assert_int_equal(clseq_vectors_count(v), CLSEQ_ARRAY_SIZE(wanted));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(wanted); i++)
        expect_row(v, wanted[i], expected[i], 1e-7);
    clseq_vectors_destroy(&v);
    v = read_vectors(f, path, NULL, 0);
    assert_int_equal(clseq_vectors_count(v), clseq_vectors_get_stats(v).words);
    expect_row(v, "the", expected[0], 1e-7);
    assert_true(clseq_vectors_find(v, "cats") == SIZE_MAX);
    clseq_vectors_destroy(&v);
}

static void test_damaged_fasttext(void **state)
{
    fixture *f = *state;
    char path[512];
    char *data;
    size_t size;

    ASSERT_OK(f->ctx,
              clseq_file_read(f->ctx, fasttext_path(path, sizeof(path)), 1 << 20, &data, &size));
    /* Behind the matrix, 12 bytes from its rows to the end of a row, comes what nobody reads. */
    for (size_t cut = 8; cut < 900; cut += 3)
        refuse(f, make_file(f, "cut.bin", data, cut), CLSEQ_ERR_FORMAT, "cut off");
    for (size_t at = 4; at < 92; at++) {
        clseq_vectors *v = NULL;
        const char before = data[at];

        data[at] = (char)0xff;
        if (clseq_vectors_read(f->ctx, make_file(f, "bad.bin", data, size), NULL, &v) == CLSEQ_OK)
            assert_int_equal(clseq_vectors_size(v), 3); /* a number that says nothing of sizes */
        clseq_vectors_destroy(&v);
        data[at] = before;
    }
    data[4] = 13;
    refuse(f, make_file(f, "version.bin", data, size), CLSEQ_ERR_FORMAT, "version");
    free(data);
}

/* ---- files of other programs ---- */

static clseq_vectors *read_shared(fixture *f, const char *name, size_t count, size_t size)
{
    clseq_vectors *v;
    char path[1024];

    need_data(path, sizeof(path), name);
    v = read_vectors(f, path, NULL, 0);
    if (clseq_vectors_count(v) != count || clseq_vectors_size(v) != size)
        fail_msg("%s: %zu vectors of %zu numbers, expected %zu of %zu", name,
                 clseq_vectors_count(v), clseq_vectors_size(v), count, size);
    return v;
}

static void same(clseq_vectors *a, clseq_vectors *b, double bound)
{
    assert_int_equal(clseq_vectors_count(a), clseq_vectors_count(b));
    for (size_t i = 0; i < clseq_vectors_count(a); i++) {
        assert_string_equal(clseq_vectors_word(a, i), clseq_vectors_word(b, i));
        expect_row(a, clseq_vectors_word(a, i), clseq_vectors_row(b, i), bound);
    }
    clseq_vectors_destroy(&a);
    clseq_vectors_destroy(&b);
}

static void test_shared_pairs(void **state)
{
    fixture *f = *state;

    same(read_shared(f, "vectors/finalfusion_similarity.bin", 41, 100),
         read_shared(f, "vectors/finalfusion_similarity.txt", 41, 100), 1e-6);
    same(read_shared(f, "vectors/finalfusion_similarity.nodims", 41, 100),
         read_shared(f, "vectors/finalfusion_similarity.txt", 41, 100), 0);
    same(read_shared(f, "vectors/gensim_high_precision.w2v.bin", 2, 2),
         read_shared(f, "vectors/gensim_high_precision.w2v.txt", 2, 2), 1e-4);
    same(read_shared(f, "vectors/word2vecjava_tokensModel.w2v.bin.gz", 1186, 200),
         read_shared(f, "vectors/word2vecjava_tokensModel.w2v.txt.gz", 1186, 200), 1e-5);
    same(read_shared(f, "vectors/tfnmt_test_embed.txt", 2, 4),
         read_shared(f, "vectors/tfnmt_test_embed_with_header.txt", 2, 4), 0);
}

static void test_shared_files(void **state)
{
    static const struct {
        const char *name;
        size_t count, size;
        clseq_vectors_format format;
    } files[] = {
        { "vectors/allennlp_glove.6B.100d.100rows.txt.gz", 100, 100, CLSEQ_VECTORS_TEXT },
        { "vectors/allennlp_glove.6B.300d.100rows.txt.gz", 100, 300, CLSEQ_VECTORS_TEXT },
        { "vectors/finalfusion_analogy.bin", 43, 100, CLSEQ_VECTORS_BINARY },
        { "vectors/gensim_EN.1-10.cbow_300d.w2v.txt.gz", 20, 300, CLSEQ_VECTORS_TEXT_HEADER },
        { "vectors/gensim_crime-and-punishment.vec.gz", 291, 5, CLSEQ_VECTORS_TEXT_HEADER },
        { "vectors/gensim_lee_fasttext.vec.gz", 1762, 10, CLSEQ_VECTORS_TEXT_HEADER },
        { "vectors/gensim_test_glove.txt.gz", 76, 50, CLSEQ_VECTORS_TEXT },
        { "vectors/gensim_word2vec_pre_kv_c.w2v.txt.gz", 1750, 10, CLSEQ_VECTORS_TEXT_HEADER },
        { "vectors/minimaxir_glove.840B.300d-char.txt.gz", 94, 300, CLSEQ_VECTORS_TEXT },
        { "vectors/opennmtpy_sample_glove.txt.gz", 20, 100, CLSEQ_VECTORS_TEXT },
        { "vectors/torchtext_glove.6B.50d.1row.txt", 1, 50, CLSEQ_VECTORS_TEXT },
        { "vectors/torchtext_glove.840B.300d.100rows.txt.gz", 100, 300, CLSEQ_VECTORS_TEXT },
    };
    fixture *f = *state;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(files); i++) {
        clseq_vectors *v = read_shared(f, files[i].name, files[i].count, files[i].size);

        assert_int_equal(clseq_vectors_get_stats(v).format, files[i].format);
        clseq_vectors_destroy(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),         cmocka_unit_test(test_odd_words),
        cmocka_unit_test(test_damaged_text), cmocka_unit_test(test_locale),
        cmocka_unit_test(test_binary),       cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_nearest),      cmocka_unit_test(test_principal),
        cmocka_unit_test(test_fasttext),     cmocka_unit_test(test_damaged_fasttext),
        cmocka_unit_test(test_shared_pairs), cmocka_unit_test(test_shared_files),
    };

    return cmocka_run_group_tests_name("vectors", tests, fixture_create, fixture_destroy);
}
