/*
 * A disk that fails on request. Loaded with LD_PRELOAD into the daemon, it concerns the database's files alone:
 * while $FAULTY_DISK/full exists nothing can be written to them, while $FAULTY_DISK/hang exists whoever touches them
 * waits; while $FAULTY_DISK/slow exists every commit takes a while to be safe. While $FAULTY_DISK/eio exists whatever is
 * written fails, while $FAULTY_DISK/unreadable exists whatever is read, while $FAULTY_DISK/fsync-fails exists nothing
 * can be made to last, and while $FAULTY_DISK/read-only exists nothing can be written or made anew.
 * While $FAULTY_DISK/no-room exists what is written has to fit into blocks that the files have already.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    int refused = is_so("full") ? ENOSPC : is_so("eio") ? EIO : is_so("read-only") ? EROFS : 0;
    if (refused && !is_database(fd)) refused = 0;
    errno = refused ? refused : before;
    return !refused;
}

/* Whether what is on it can be had. */
static int is_readable(int fd) {
    int before = errno;
    wait_while_it_hangs(fd);
    int refused = is_so("unreadable") && is_database(fd);
    errno = refused ? EIO : before;
    return !refused;
}

/* Whether a file may be opened so. Whoever cannot write may still read. */
static int may_open(const char *path, int flags) {
    if ((flags & O_ACCMODE) == O_RDONLY || !strstr(path, "commwatch.db") || !is_so("read-only")) return 1;
    errno = EROFS;
    return 0;
}

/* Whether that fits into what the file has of the disk. */
static int fits(int fd, off64_t end) {
    int before = errno;
    struct stat64 file;
    int refused = is_so("no-room") && is_database(fd) && fstat64(fd, &file) == 0 && end > file.st_blocks * 512;
    errno = refused ? ENOSPC : before;
    return !refused;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return has_room(fd) && fits(fd, at + (off64_t)count) ? REAL(pwrite64)(fd, bytes, count, at) : -1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    off64_t end = is_database(fd) ? lseek64(fd, 0, SEEK_CUR) + (off64_t)count : 0;
    return has_room(fd) && fits(fd, end) ? REAL(write)(fd, bytes, count) : -1;
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
    return is_readable(fd) ? REAL(pread64)(fd, bytes, count, at) : -1;
}

ssize_t read(int fd, void *bytes, size_t count) {
    return is_readable(fd) ? REAL(read)(fd, bytes, count) : -1;
}

int fsync(int fd) {
    wait_while_it_hangs(fd);
    if (is_so("slow") && is_database(fd)) usleep(150000);
    if (is_so("fsync-fails") && is_database(fd)) {
        errno = EIO;
        return -1;
    }
    return REAL(fsync)(fd);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return may_open(path, flags) ? REAL(open64)(path, flags, mode) : -1;
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
