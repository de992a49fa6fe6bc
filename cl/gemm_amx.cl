/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matrix products of bf16 factors on CPUs with AMX: C = alpha A op(B) + beta C. gemm_amx_pack
 * (gemm_blocks.clh) rounds both factors and lays them out in blocks of 32 x 32, gemm_amx makes
 * blocks of C of the same size as 2 x 2 tiles. One work-item per group, no barriers: the state of
 * the tiles belongs to a thread, and an item sets it up and gives it back.
 *
 * The tile instructions (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1,
 * chapter 18) stand as bytes, because the assembler in PoCL follows the processor it compiles for,
 * which may be an older one. tests/style/check_amx.sh compares them with what an assembler makes.
 */
#define PACK_KERNEL gemm_amx_pack
#include "gemm_blocks.clh"

/* ---- tiles ---- */

/* 16 rows of 64 bytes in each of the eight. */
#define TILE_ROWS  16
#define TILE_BYTES 64

#if CLSEQ_EMULATED

/* What the processor does, on memory: one array of words for the tiles and their configuration.
 * Subnormal numbers count as 0. */
#define WORDS       (TILE_BYTES / 4)
#define TILE(t)     (tiles + (t)*TILE_ROWS * WORDS)
#define TILES_WORDS (8 * TILE_ROWS * WORDS + 16)

static int rows_of(const uint *tiles, int t)
{
    return (int)(TILE(8)[12 + t / 4] >> (t % 4 * 8) & 0xffu);
}

static int words_of(const uint *tiles, int t)
{
    return (int)(TILE(8)[4 + t / 2] >> (t % 2 * 16) & 0xffffu) / 4;
}

static void tile_config(uint *tiles, const uint *config)
{
    for (int i = 0; i < 16; i++)
        TILE(8)[i] = (config[0] & 0xffu) == 1u ? config[i] : 0u;
}

/* Not by vectors: llvmpipe takes five times as long to compile that. */
static void tile_zero(uint *tiles, int t)
{
    for (int i = 0; i < TILE_ROWS * WORDS; i++)
        TILE(t)[i] = 0u;
}

/* Strides are in bytes. By whole rows: llvmpipe gives up on a work-item after 65535 turns of all
 * its loops, which is about 60 steps of an item here. */
static void tile_load(uint *tiles, int t, __global const uint *from, int stride)
{
    const int rows = rows_of(tiles, t), words = words_of(tiles, t);

    if (rows < TILE_ROWS || words < WORDS)
        tile_zero(tiles, t);
    for (int i = 0; i < rows; i++) {
        __global const uint *row = from + i * (stride / 4);

        if (words == WORDS) {
            vstore16(vload16(0, row), i, TILE(t));
        } else {
            for (int j = 0; j < words; j++)
                TILE(t)[i * WORDS + j] = row[j];
        }
    }
}

static void tile_store(const uint *tiles, int t, float *to, int stride)
{
    const int rows = rows_of(tiles, t), words = words_of(tiles, t);

    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < words; j++)
            to[i * (stride / 4) + j] = as_float(TILE(t)[i * WORDS + j]);
    }
}

/* The product of two bf16 numbers is exact, so adding it is one rounding, as in the processor. */
static void tile_dot(uint *tiles, int c, int a, int b)
{
    const int rows = rows_of(tiles, c), words = words_of(tiles, a);

    for (int m = 0; m < rows; m++) {
        float16 sum = as_float16(vload16(m, TILE(c)));

        for (int k = 0; k < words; k++) {
            const uint pair = TILE(a)[m * WORDS + k];
            const uint16 pairs = vload16(k, TILE(b));

            sum =
                flushed(sum + flushed_1(as_float(pair << 16u)) * flushed(as_float16(pairs << 16u)));
            sum = flushed(sum + flushed_1(as_float(pair & 0xffff0000u)) *
                                    flushed(as_float16(pairs & 0xffff0000u)));
        }
        vstore16(as_uint16(sum), m, TILE(c));
    }
}

#define TILES             uint tiles[TILES_WORDS];
#define CONFIGURE(config) tile_config(tiles, config);
#define RELEASE
#define ZERO(t)               tile_zero(tiles, t);
#define LOAD(t, from, stride) tile_load(tiles, t, from, stride);
#define STORE(t, to, stride)  tile_store(tiles, t, to, stride);
#define DOT(c, a, b)          tile_dot(tiles, c, a, b);

#else

#define LDTILECFG         "0xc4, 0xe2, 0x78, 0x49, 0x00"       /* ldtilecfg (%rax) */
#define TILERELEASE       "0xc4, 0xe2, 0x78, 0x49, 0xc0"       /* tilerelease */
#define TILEZERO_0        "0xc4, 0xe2, 0x7b, 0x49, 0xc0"       /* tilezero %tmm0 */
#define TILEZERO_1        "0xc4, 0xe2, 0x7b, 0x49, 0xc8"       /* tilezero %tmm1 */
#define TILEZERO_2        "0xc4, 0xe2, 0x7b, 0x49, 0xd0"       /* tilezero %tmm2 */
#define TILEZERO_3        "0xc4, 0xe2, 0x7b, 0x49, 0xd8"       /* tilezero %tmm3 */
#define TILELOADD_4       "0xc4, 0xe2, 0x7b, 0x4b, 0x24, 0x18" /* tileloadd (%rax,%rbx,1), %tmm4 */
#define TILELOADD_5       "0xc4, 0xe2, 0x7b, 0x4b, 0x2c, 0x18" /* tileloadd (%rax,%rbx,1), %tmm5 */
#define TILELOADD_6       "0xc4, 0xe2, 0x7b, 0x4b, 0x34, 0x18" /* tileloadd (%rax,%rbx,1), %tmm6 */
#define TILELOADD_7       "0xc4, 0xe2, 0x7b, 0x4b, 0x3c, 0x18" /* tileloadd (%rax,%rbx,1), %tmm7 */
#define TILESTORED_0      "0xc4, 0xe2, 0x7a, 0x4b, 0x04, 0x18" /* tilestored %tmm0, (%rax,%rbx,1) */
#define TILESTORED_1      "0xc4, 0xe2, 0x7a, 0x4b, 0x0c, 0x18" /* tilestored %tmm1, (%rax,%rbx,1) */
#define TILESTORED_2      "0xc4, 0xe2, 0x7a, 0x4b, 0x14, 0x18" /* tilestored %tmm2, (%rax,%rbx,1) */
#define TILESTORED_3      "0xc4, 0xe2, 0x7a, 0x4b, 0x1c, 0x18" /* tilestored %tmm3, (%rax,%rbx,1) */
#define TDPBF16PS_046     "0xc4, 0xe2, 0x4a, 0x5c, 0xc4"       /* tdpbf16ps %tmm6, %tmm4, %tmm0 */
#define TDPBF16PS_147     "0xc4, 0xe2, 0x42, 0x5c, 0xcc"       /* tdpbf16ps %tmm7, %tmm4, %tmm1 */
#define TDPBF16PS_256     "0xc4, 0xe2, 0x4a, 0x5c, 0xd5"       /* tdpbf16ps %tmm6, %tmm5, %tmm2 */
#define TDPBF16PS_357     "0xc4, 0xe2, 0x42, 0x5c, 0xdd"       /* tdpbf16ps %tmm7, %tmm5, %tmm3 */

/* An address in rax, a stride in bytes in rbx. Compilers know nothing of tiles, so they use none;
 * volatile keeps the instructions in their order. */
#define TILE_PLAIN(bytes) __asm__ volatile(".byte " bytes : : : "memory");
#define TILE_AT(bytes, address, stride)                                                            \
    __asm__ volatile(".byte " bytes : : "a"((ulong)(address)), "b"((ulong)(stride)) : "memory");

#define TILES
#define CONFIGURE(config)     TILE_AT(LDTILECFG, config, 0)
#define RELEASE               TILE_PLAIN(TILERELEASE)
#define ZERO(t)               TILE_PLAIN(TILEZERO_##t)
#define LOAD(t, from, stride) TILE_AT(TILELOADD_##t, from, stride)
#define STORE(t, to, stride)  TILE_AT(TILESTORED_##t, to, stride)
#define DOT(c, a, b)          TILE_PLAIN(TDPBF16PS_##c##a##b)

#endif

/* palette 1, bytes of the rows of eight tiles from byte 16 on, their rows from byte 48 on */
static void fill_config(uint config[16])
{
    for (int i = 0; i < 16; i++)
        config[i] = i == 0               ? 1u
                    : i >= 4 && i < 8    ? TILE_BYTES * 0x10001u
                    : i == 12 || i == 13 ? TILE_ROWS * 0x1010101u
                                         : 0u;
}

/* Around all products of a kernel. */
#define TILES_BEGIN                                                                                \
    uint config[16];                                                                               \
    TILES                                                                                          \
    fill_config(config);                                                                           \
    CONFIGURE(config)
#define TILES_END RELEASE

/* sums[SIDE][SIDE] = a panel of A times a panel of B, `steps` blocks of each. Macros, because tiles
 * are not values that a function could be given. */
#define PRODUCT(x, y, steps, sums)                                                                 \
    {                                                                                              \
        __global const uint *x_ = (x), *y_ = (y);                                                  \
        ZERO(0)                                                                                    \
        ZERO(1)                                                                                    \
        ZERO(2)                                                                                    \
        ZERO(3)                                                                                    \
        for (int k_ = 0; k_ < (steps); k_++, x_ += BLOCK, y_ += BLOCK) {                           \
            LOAD(4, x_, 4 * PAIRS)                                                                 \
            LOAD(6, y_, 4 * SIDE)                                                                  \
            DOT(0, 4, 6)                                                                           \
            LOAD(7, y_ + TILE_ROWS, 4 * SIDE)                                                      \
            DOT(1, 4, 7)                                                                           \
            LOAD(5, x_ + TILE_ROWS * PAIRS, 4 * PAIRS)                                             \
            DOT(2, 5, 6)                                                                           \
            DOT(3, 5, 7)                                                                           \
        }                                                                                          \
        STORE(0, sums, 4 * SIDE)                                                                   \
        STORE(1, (sums) + TILE_ROWS, 4 * SIDE)                                                     \
        STORE(2, (sums) + TILE_ROWS * SIDE, 4 * SIDE)                                              \
        STORE(3, (sums) + TILE_ROWS * SIDE + TILE_ROWS, 4 * SIDE)                                  \
    }

/* ---- products ---- */

/* Blocks as gemm_amx_pack leaves them, `steps` of them along k; those of B are part of b_steps,
 * from b_first on; `old` as in store_block. Items: (`block` rows, `group` columns, matrix of the
 * batch), both multiples of SIDE. */
CLSEQ_KERNEL void gemm_amx(__global const uint *a, __global const uint *b, __global float *c,
                           ulong c_offset, int c_rows, ulong c_batch, __global const float *old,
                           ulong old_offset, int old_rows, int m_size, int n_size, int steps,
                           int b_steps, int b_first, float alpha, float beta, int block, int group)
{
    const int top = (int)get_global_id(0) * block, first = (int)get_global_id(1) * group;
    const int bottom = min(top + block, m_size), last = min(first + group, n_size);
    const ulong batch = get_global_id(2), panel = (ulong)steps * BLOCK;
    float sums[SIDE * SIDE];
    TILES_BEGIN

    a += batch * (ulong)((m_size + SIDE - 1) / SIDE) * panel;
    b += (batch * (ulong)((n_size + SIDE - 1) / SIDE) * (ulong)b_steps + (ulong)b_first) * BLOCK;
    c += c_offset + batch * c_batch;
    old += old_offset + batch * c_batch;
    for (int n = first; n < last; n += SIDE) {
        for (int m = top; m < bottom; m += SIDE) {
            __global const uint *x = a + (ulong)(m / SIDE) * panel;
            __global const uint *y = b + (ulong)(n / SIDE) * (ulong)b_steps * BLOCK;

            PRODUCT(x, y, steps, sums)
            store_block(c + (ulong)m * (ulong)c_rows + (ulong)n, (ulong)c_rows,
                        old + (ulong)m * (ulong)old_rows + (ulong)n, (ulong)old_rows, sums,
                        min(SIDE, bottom - m), min(SIDE, last - n), alpha, beta);
        }
    }
    TILES_END
}

/* ---- steps of an LSTM ---- */

#define LSTM_FWD_KERNEL                             lstm_amx_fwd
#define LSTM_BWD_KERNEL                             lstm_amx_bwd
#define UNIT_BEGIN                                  TILES_BEGIN
#define UNIT_END                                    TILES_END
#define UNIT_PRODUCT(x, y, steps, rows, sums, next) PRODUCT(x, y, steps, sums)
#include "lstm_blocks.clh"
