/*
 * Writes down what a process does to the files of one folder, so that a power cut at any moment can be played later.
 * Loaded with LD_PRELOAD: every write, truncation, sync, removal and renaming below $RECORD_FOLDER is appended to the
 * file $RECORD_LOG after it was done and before its caller goes on. What a file's name ends in tells what it is:
 * `-shm` is memory that no power cut leaves anything of.
 *
 * A record: kind (1 byte), length of the name (2), offset or size (8), length of the data (4), the name, the data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int log_file = -1;

/* The name below the folder; NULL when it is none of ours. */
static const char *ours(const char *path) {
    const char *folder = getenv("RECORD_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length)) return NULL;
    if (path[length] == 0) return "";
    const char *name = path + length + 1;
    size_t end = strlen(name);
    return end >= 4 && !strcmp(name + end - 4, "-shm") ? NULL : name;
}

static const char *name_of(int fd, char *path, size_t room) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, room - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return ours(path);
}

static void record(char kind, const char *name, uint64_t at, const void *data, uint32_t count) {
    int before = errno;
    uint16_t length = (uint16_t)strlen(name);
    pthread_mutex_lock(&one_at_a_time);
    if (log_file < 0) log_file = open(getenv("RECORD_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct iovec parts[] = {
        {&kind, 1}, {&length, 2}, {&at, 8}, {&count, 4}, {(void *)name, length}, {(void *)data, count},
    };
    ssize_t all = 15 + (ssize_t)length + (ssize_t)count;
    if (log_file < 0 || writev(log_file, parts, 6) != all) abort();
    pthread_mutex_unlock(&one_at_a_time);
    errno = before;
}

static ssize_t written(int fd, const void *bytes, ssize_t count, int64_t at) {
    char path[4096];
    const char *name = count > 0 ? name_of(fd, path, sizeof path) : NULL;
    if (name) record('w', name, (uint64_t)at, bytes, (uint32_t)count);
    return count;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return written(fd, bytes, REAL(pwrite64)(fd, bytes, count, at), at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    return written(fd, bytes, REAL(pwrite)(fd, bytes, count, at), at);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t done = REAL(write)(fd, bytes, count);
    int before = errno;
    off64_t end = done > 0 ? lseek64(fd, 0, SEEK_CUR) : -1;
    errno = before;
    return end < 0 ? done : written(fd, bytes, done, end - done);
}

static int noted(int result, char kind, int fd, int64_t size) {
    char path[4096];
    const char *name = result == 0 ? name_of(fd, path, sizeof path) : NULL;
    if (name) record(kind, name, (uint64_t)size, "", 0);
    return result;
}

int ftruncate64(int fd, off64_t size) { return noted(REAL(ftruncate64)(fd, size), 't', fd, size); }
int ftruncate(int fd, off_t size) { return noted(REAL(ftruncate)(fd, size), 't', fd, size); }
int fsync(int fd) { return noted(REAL(fsync)(fd), 's', fd, 0); }
int fdatasync(int fd) { return noted(REAL(fdatasync)(fd), 's', fd, 0); }

int unlink(const char *path) {
    int result = REAL(unlink)(path);
    const char *name = result == 0 ? ours(path) : NULL;
    if (name) record('u', name, 0, "", 0);
    return result;
}

int rename(const char *from, const char *to) {
    int result = REAL(rename)(from, to);
    const char *name = result == 0 ? ours(from) : NULL, *new_name = result == 0 ? ours(to) : NULL;
    if (name && new_name) record('r', name, 0, new_name, (uint32_t)strlen(new_name));
    return result;
}
