/*
 * A disk that fails on request. Loaded with LD_PRELOAD into the daemon, it concerns the database's files alone:
 * while $FAULTY_DISK/full exists nothing can be written to them, while $FAULTY_DISK/hang exists whoever touches them
 * waits; while $FAULTY_DISK/slow exists every commit takes a while to be safe. While $FAULTY_DISK/eio exists whatever is
 * written fails, while $FAULTY_DISK/unreadable exists whatever is read, while $FAULTY_DISK/fsync-fails exists nothing
 * can be made to last, and while $FAULTY_DISK/read-only exists nothing can be written or made anew.
 * While $FAULTY_DISK/no-room exists what is written has to fit into blocks that the files have already. Where
 * $FAULTY_DISK/kill says "-wal write 3 before", the process is killed just before the third write to a file with "-wal"
 * in its name (or "sync", or "after"), and leaves $FAULTY_DISK/killed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

/* The moment that was asked for, if there is one and this file is concerned. */
static int is_named(const char *operation, const char *when, int fd, unsigned *nth) {
    const char *folder = getenv("FAULTY_DISK");
    char path[4096], file[64], asked_operation[16], asked_when[16];
    if (!folder || !is_so("kill") || !is_database(fd)) return 0;
    snprintf(path, sizeof path, "%s/kill", folder);
    FILE *moment = fopen(path, "r");
    if (!moment) return 0;
    int read = fscanf(moment, "%63s %15s %u %15s", file, asked_operation, nth, asked_when);
    fclose(moment);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    char name[4096];
    ssize_t length = readlink(path, name, sizeof name - 1);
    if (read != 4 || length < 0) return 0;
    name[length] = 0;
    return strstr(name, file) && !strcmp(operation, asked_operation) && !strcmp(when, asked_when);
}

/* Counted from the first call that the moment concerns; one thread writes. */
static void die_if_told(const char *operation, const char *when, int fd) {
    static unsigned count;
    unsigned nth = 0;
    int before = errno;
    if (is_named(operation, when, fd, &nth) && ++count == nth) {
        char path[4096];
        snprintf(path, sizeof path, "%s/killed", getenv("FAULTY_DISK"));
        close(open(path, O_CREAT | O_WRONLY, 0600));
        kill(getpid(), SIGKILL);
    }
    errno = before;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    die_if_told("write", "before", fd);
    int may = has_room(fd) && fits(fd, at + (off64_t)count);
    ssize_t written = may ? REAL(pwrite64)(fd, bytes, count, at) : -1;
    die_if_told("write", "after", fd);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    die_if_told("write", "before", fd);
    off64_t end = is_database(fd) ? lseek64(fd, 0, SEEK_CUR) + (off64_t)count : 0;
    ssize_t written = has_room(fd) && fits(fd, end) ? REAL(write)(fd, bytes, count) : -1;
    die_if_told("write", "after", fd);
    return written;
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
    die_if_told("sync", "before", fd);
    int synced = REAL(fsync)(fd);
    die_if_told("sync", "after", fd);
    return synced;
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
