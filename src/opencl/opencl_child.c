/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_child.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child with more to say is broken. */
#define DATA_LIMIT ((size_t)16 << 20)
#define NOISE_MAX  4096

/* The last bytes of a child whose work returned. */
static const char farewell[16] = { 0x1b, 'f',  'i', 'n',  'i', 's',  'h', 'e',
                                   'd',  0x7f, 3,   0x15, 1,   0x1e, 4,   0 };

struct child {
    pid_t pid;
    int data_fd, noise_fd; /* read ends; -1 when closed */
    size_t capacity;
    char noise[NOISE_MAX]; /* the start of stdout and stderr */
    size_t noise_size;
};

void clseq_child_send(int fd, const void *data, size_t size)
{
    const char *p = data;

    while (size > 0) {
        const ssize_t n = write(fd, p, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            _exit(1); /* the parent is gone */
        p += n;
        size -= (size_t)n;
    }
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
    }
}

_Noreturn static void be_child(int data_fd, int noise_fd, void (*work)(int fd, void *user),
                               void *user)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGSEGV,
                                   SIGBUS, SIGABRT, SIGFPE, SIGILL,  SIGCHLD };
    const struct rlimit no_core = { 0, 0 };
    const int nothing = open("/dev/null", O_RDONLY);

    /* The handlers of the program must not run here. */
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(signals); i++)
        signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(noise_fd, STDOUT_FILENO);
    dup2(noise_fd, STDERR_FILENO);
    work(data_fd, user);
    clseq_child_send(data_fd, farewell, sizeof(farewell));
    /* Not exit(): that would flush the parent's streams a second time. */
    _exit(0);
}

static clseq_status start(clseq_context *ctx, void (*work)(int fd, void *user), void *user,
                          struct child *child)
{
    int data[2] = { -1, -1 }, noise[2] = { -1, -1 };
    int code;

    if (pipe(data) != 0 || pipe(noise) != 0)
        goto fail;
    for (int i = 0; i < 2; i++) {
        fcntl(data[i], F_SETFD, FD_CLOEXEC);
        fcntl(noise[i], F_SETFD, FD_CLOEXEC);
    }
    child->pid = fork();
    if (child->pid < 0)
        goto fail;
    if (child->pid == 0) {
        close(data[0]);
        close(noise[0]);
        be_child(data[1], noise[1], work, user);
    }
    close(data[1]);
    close(noise[1]);
    child->data_fd = data[0];
    child->noise_fd = noise[0];
    return CLSEQ_OK;

fail:
    code = errno;
    close_pair(data);
    close_pair(noise);
    return clseq_fail(
        ctx, CLSEQ_ERR_IO,
        "cannot start a child process to try OpenCL drivers: %s; free some processes or "
        "files, or switch the probe off",
        strerror(code));
}

/* Keep the start of what the child prints and throw the rest away. */
static void read_noise(struct child *child)
{
    char text[1024];
    const ssize_t n = read(child->noise_fd, text, sizeof(text));

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        close(child->noise_fd);
        child->noise_fd = -1;
        return;
    }
    for (ssize_t i = 0; i < n && child->noise_size < NOISE_MAX - 1; i++)
        child->noise[child->noise_size++] = text[i];
}

static clseq_status read_data(clseq_context *ctx, struct child *child,
                              struct clseq_child_result *ret)
{
    ssize_t n;

    CLSEQ_TRY(
        clseq_grow(ctx, &ret->data, &child->capacity, ret->size + 4096, 1, "answer of a driver"));
    n = read(child->data_fd, ret->data + ret->size, 4096);
    if (n < 0 && errno == EINTR)
        return CLSEQ_OK;
    if (n <= 0 || ret->size > DATA_LIMIT) {
        close(child->data_fd);
        child->data_fd = -1;
        return CLSEQ_OK;
    }
    ret->size += (size_t)n;
    return CLSEQ_OK;
}

static bool has_finished(const struct clseq_child_result *ret)
{
    return ret->size >= sizeof(farewell) &&
           memcmp(ret->data + ret->size - sizeof(farewell), farewell, sizeof(farewell)) == 0;
}

/* Listen until the child says farewell, dies or is silent for too long. Sets *late. */
static clseq_status listen_to(clseq_context *ctx, struct child *child, double timeout, bool *late,
                              struct clseq_child_result *ret)
{
    double end = clseq_seconds() + timeout;

    while (child->data_fd >= 0 && !has_finished(ret)) {
        struct pollfd fds[2] = { { .fd = child->data_fd, .events = POLLIN },
                                 { .fd = child->noise_fd, .events = POLLIN } };
        const double left = end - clseq_seconds();

        *late = left <= 0;
        if (*late)
            return CLSEQ_OK;
        if (poll(fds, 2, left < 3600 ? (int)(left * 1000) + 1 : 3600000) < 0 && errno != EINTR)
            return clseq_fail(ctx, CLSEQ_ERR_IO, "cannot wait for a child process: %s",
                              strerror(errno));
        if (child->noise_fd >= 0 && fds[1].revents)
            read_noise(child);
        if (fds[0].revents) {
            CLSEQ_TRY(read_data(ctx, child, ret));
            end = clseq_seconds() + timeout;
        }
    }
    return CLSEQ_OK;
}

/* What is left in the pipe after a death, without waiting for grandchildren that hold it open. */
static void drain_noise(struct child *child)
{
    while (child->noise_fd >= 0) {
        struct pollfd fd = { .fd = child->noise_fd, .events = POLLIN };

        if (poll(&fd, 1, 0) <= 0)
            break;
        read_noise(child);
    }
}

/* The first line that says something, without control characters. */
static void first_line(const struct child *child, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < child->noise_size && used + 1 < size; i++) {
        const char c = child->noise[i];

        if (c == '\n' && used > 0)
            break;
        if ((unsigned char)c >= 32 && (unsigned char)c < 127 && (used > 0 || c != ' '))
            text[used++] = c;
    }
    text[used] = 0;
}

static void describe(const struct child *child, int wait_status, double timeout,
                     struct clseq_child_result *ret)
{
    char line[200], how[120];

    first_line(child, line, sizeof(line));
    if (ret->end == CLSEQ_CHILD_HUNG)
        snprintf(how, sizeof(how), "the driver hangs: no sign of life for %.0f s", timeout);
    else if (WIFSIGNALED(wait_status))
        snprintf(how, sizeof(how), "the driver crashed: signal %d (%s)", WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
    else
        snprintf(how, sizeof(how), "the driver ended the process with exit code %d",
                 WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1);
    snprintf(ret->reason, sizeof(ret->reason), "%s%s%s%s", how, line[0] ? ", saying \"" : "", line,
             line[0] ? "\"" : "");
}

clseq_status clseq_child_run(clseq_context *ctx, void (*work)(int fd, void *user), void *user,
                             double timeout, struct clseq_child_result *ret)
{
    struct child child = { .pid = -1, .data_fd = -1, .noise_fd = -1 };
    int wait_status = 0;
    bool late = false;
    clseq_status status;

    *ret = (struct clseq_child_result) { .end = CLSEQ_CHILD_DIED };
    CLSEQ_TRY(start(ctx, work, user, &child));
    status = listen_to(ctx, &child, timeout, &late, ret);
    /* One that is done is killed too: its results are here, and drivers may crash while they
     * end. */
    if (late || status != CLSEQ_OK || has_finished(ret))
        kill(child.pid, SIGKILL);
    while (waitpid(child.pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    drain_noise(&child);
    if (child.data_fd >= 0)
        close(child.data_fd);
    if (child.noise_fd >= 0)
        close(child.noise_fd);
    if (status != CLSEQ_OK) {
        free(ret->data);
        *ret = (struct clseq_child_result) { .end = CLSEQ_CHILD_DIED };
        return status;
    }
    if (has_finished(ret)) {
        ret->end = CLSEQ_CHILD_FINISHED;
        ret->size -= sizeof(farewell);
    } else {
        ret->end = late ? CLSEQ_CHILD_HUNG : CLSEQ_CHILD_DIED;
        describe(&child, wait_status, timeout, ret);
    }
    return CLSEQ_OK;
}
