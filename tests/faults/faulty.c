/* Storage that fails on order, for tests: preloaded (LD_PRELOAD) into whatever writes, it lets the n-th write or sync
 * of the files whose path holds a given text fail, come short, wait, or end the process.
 *
 * The order is a small file (FAULTY_ORDER) that is mapped by every process: who tests writes it at any moment, and
 * reads in it how often the fault was met. Layout: struct order; tests/faults/faulty.py writes the same.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NOTHING, FAIL, SHORT, WAIT, END };
enum { WRITE = 1, SYNC = 2, TRUNCATE = 4 };

struct order {
    volatile int32_t kind;   /* set last, and cleared first */
    int32_t calls;           /* WRITE | SYNC | TRUNCATE */
    int32_t left;            /* calls until the first that fails; counted down */
    int32_t times;           /* how many fail */
    int32_t error;           /* errno of FAIL */
    int32_t milliseconds;    /* of WAIT */
    int32_t met;             /* how often it struck */
    char path[100];          /* what the file's path must hold */
};

static struct order *order;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAULTY_ORDER");
    int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *map = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED) order = map;
}

/* What the call must do: NOTHING, or the fault. Async-signal-safe, and leaves errno alone. */
static int strikes(int fd, int call) {
    if (!order || order->kind == NOTHING || !(order->calls & call)) return NOTHING;
    int before = errno;
    char link[40], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) return NOTHING;
    path[length] = 0;
    if (!strstr(path, order->path)) return NOTHING;
    int32_t left = __atomic_sub_fetch(&order->left, 1, __ATOMIC_SEQ_CST);
    if (left > 0 || left <= -order->times) return NOTHING;
    int kind = order->kind;
    if (kind == NOTHING) return NOTHING;
    __atomic_add_fetch(&order->met, 1, __ATOMIC_SEQ_CST);
    if (kind == WAIT) {
        struct timespec pause = {order->milliseconds / 1000, order->milliseconds % 1000 * 1000000L};
        nanosleep(&pause, NULL);
        errno = before;
        return NOTHING;
    }
    if (kind == END) kill(getpid(), SIGKILL);
    return kind;
}

#define REAL(name, type) \
    static type real; \
    if (!real) real = (type)dlsym(RTLD_NEXT, name)

#define BEFORE_WRITE \
    switch (strikes(fd, WRITE)) { \
        case FAIL: errno = order->error; return -1; \
        case SHORT: if (size > 1) size /= 2; break; \
    }

ssize_t write(int fd, const void *data, size_t size) {
    typedef ssize_t (*call_t)(int, const void *, size_t);
    REAL("write", call_t);
    BEFORE_WRITE
    return real(fd, data, size);
}

#define WRITES_AT(name, offset) \
    ssize_t name(int fd, const void *data, size_t size, offset at) { \
        typedef ssize_t (*call_t)(int, const void *, size_t, offset); \
        REAL(#name, call_t); \
        BEFORE_WRITE \
        return real(fd, data, size, at); \
    }
WRITES_AT(pwrite, off_t)
WRITES_AT(pwrite64, off64_t)

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    typedef ssize_t (*call_t)(int, const struct iovec *, int, off_t);
    REAL("pwritev", call_t);
    switch (strikes(fd, WRITE)) {
        case FAIL: errno = order->error; return -1;
        case SHORT: if (count > 1) count /= 2; break;
    }
    return real(fd, parts, count, at);
}

#define SYNCS(name) \
    int name(int fd) { \
        typedef int (*call_t)(int); \
        REAL(#name, call_t); \
        if (strikes(fd, SYNC) == FAIL) { errno = order->error; return -1; } \
        return real(fd); \
    }
SYNCS(fsync)
SYNCS(fdatasync)

#define TRUNCATES(name, offset) \
    int name(int fd, offset size) { \
        typedef int (*call_t)(int, offset); \
        REAL(#name, call_t); \
        if (strikes(fd, TRUNCATE) == FAIL) { errno = order->error; return -1; } \
        return real(fd, size); \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)
