/*
 * A disk that fails on request. Loaded with LD_PRELOAD into the daemon, it concerns the database's files alone:
 * while $FAULTY_DISK/full exists nothing can be written to them, while $FAULTY_DISK/hang exists whoever touches them
 * waits; while $FAULTY_DISK/slow exists every commit takes a while to be safe.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_so(const char *what) {
    const char *folder = getenv("FAULTY_DISK");
    char path[4096];
    if (!folder) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, what);
    return access(path, F_OK) == 0;
}

static int is_database(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "commwatch.db") != NULL;
}

static void wait_while_it_hangs(int fd) {
    while (is_so("hang") && is_database(fd)) usleep(5000);
}

/* Whether a write may go on. */
static int has_room(int fd) {
    int before = errno;
    wait_while_it_hangs(fd);
    int full = is_so("full") && is_database(fd);
    errno = full ? ENOSPC : before;
    return !full;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return has_room(fd) ? REAL(pwrite64)(fd, bytes, count, at) : -1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    return has_room(fd) ? REAL(write)(fd, bytes, count) : -1;
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
    wait_while_it_hangs(fd);
    return REAL(pread64)(fd, bytes, count, at);
}

ssize_t read(int fd, void *bytes, size_t count) {
    wait_while_it_hangs(fd);
    return REAL(read)(fd, bytes, count);
}

int fsync(int fd) {
    wait_while_it_hangs(fd);
    if (is_so("slow") && is_database(fd)) usleep(150000);
    return REAL(fsync)(fd);
}

/* Locks are taken with it. */
int fcntl64(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    wait_while_it_hangs(fd);
    return REAL(fcntl64)(fd, command, argument);
}
