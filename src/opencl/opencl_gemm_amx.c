/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMX, the tiles of Intel processors, through PoCL: launching cl/gemm_amx.cl.
 *   Linux gives a process the state of the tiles when it asks for it (arch_prctl,
 * ARCH_REQ_XCOMP_PERM; Documentation/arch/x86/xstate.rst of the kernel). The permission is the
 * process's, for the threads that it has and those to come, so it does not matter that PoCL has
 * started its threads by then; a child of fork() inherits it, exec() ends it. A tile instruction
 * without it ends the process with SIGILL.
 */
#include "opencl/opencl_gemm_blocks.h"
#include "opencl/opencl_matrix_unit.h"
#include "opencl/opencl_program.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* Speed: 918 to 1412 GFLOP/s against 214 to 322 on two cores. The second-level cache has 2 MiB
 * where there is AMX. */
static const struct clseq_gemm_blocks blocks = { .pack = CLSEQ_KERNEL_gemm_amx_pack,
                                                 .product = CLSEQ_KERNEL_gemm_amx,
                                                 .lstm_fwd = CLSEQ_KERNEL_lstm_amx_fwd,
                                                 .lstm_bwd = CLSEQ_KERNEL_lstm_amx_bwd,
                                                 .rows = CLSEQ_BLOCK_SIDE,
                                                 .speed = 4,
                                                 .item_bytes = (size_t)512 << 10 };

/* ---- the processor ---- */

#if defined(__x86_64__) && defined(__linux__)

#define REQUEST_PERMISSION 0x1023 /* ARCH_REQ_XCOMP_PERM */
#define TILE_DATA          18     /* XFEATURE_XTILE_DATA */

static bool has_tiles(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22 & 1) != 0 /* AMX-BF16 */ &&
           (d >> 24 & 1) != 0 /* AMX-TILE */;
}

/* 0, or the errno that says why not. */
static int ask_permission(void)
{
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 ? 0 : errno;
}

#else

static bool has_tiles(void)
{
    return false;
}

static int ask_permission(void)
{
    return ENOSYS;
}

#endif

static bool fits(const clseq_backend *be, bool emulated)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    int refused;

    if (be->info.precision != CLSEQ_PRECISION_BF16 || !cl->cpu_class)
        return false;
    if (emulated)
        return true;
    if (!cl->is_pocl || !be->info.host_memory || !has_tiles())
        return false;
    refused = ask_permission();
    if (refused)
        clseq_log(be->ctx, CLSEQ_LOG_WARNING,
                  "%s has AMX, but the system does not let this process use it (%s): it takes "
                  "Linux 5.16, or a container or virtual machine that passes it on",
                  be->info.device, strerror(refused));
    return refused == 0;
}

static clseq_status open_unit(clseq_backend *be, const struct clseq_opencl_cache *cache)
{
    return clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_amx);
}

static bool takes(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return clseq_gemm_blocks_takes(be, &blocks, p);
}

static clseq_status run(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return clseq_gemm_blocks_run(be, &blocks, p);
}

const struct clseq_matrix_unit clseq_matrix_unit_amx = {
    .name = "amx",
    .what = "AMX tiles of the processor, through PoCL",
    .fits = fits,
    .open = open_unit,
    .takes = takes,
    .adds = true,
    .run = run,
    .blocks = &blocks,
};
