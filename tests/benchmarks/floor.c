/* floor: the least work that any duplicate finder does, by system calls alone.
 *
 *     floor walk THREADS PATH    list every folder
 *     floor stat THREADS PATH    list, and stat every entry
 *     floor read THREADS PATH    list, and for each regular file: stat, open, read to its end, close
 *
 * Threads share one stack of folders still to visit. Links are not followed, other file systems
 * are not entered, nothing is hashed, nothing is stored. Prints one line of JSON: the regular
 * files and folders met (PATH among them) and the bytes: read by `read`, the sum of the sizes
 * for `stat`, 0 for `walk`. Any failed call is printed to stderr and makes the exit status 1.
 *
 *     cc -O2 -pthread -o floor floor.c
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_NOATIME, DT_* */
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef O_NOATIME
#define O_NOATIME 0 /* Linux only */
#endif

enum { BUFFER = 256 * 1024, MAX_THREADS = 256 };
enum mode { WALK, STAT, READ };

/* The stack of folders. `busy` counts threads that may still push: empty and not busy is the end. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char **paths;
    size_t count, room;
    int busy;
} todo = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static enum mode mode;
static dev_t device;
static atomic_int noatime = O_NOATIME; /* 0 once the system has refused it */

/* One thread's counts, added up at the end; aligned so that threads share no cache line. */
struct tally {
    _Alignas(128) unsigned long long files, folders, bytes, errors;
    char *buffer;
};

static void complain(struct tally *tally, const char *folder, const char *name) {
    fprintf(stderr, "floor: %s%s%s: %s\n", folder, *name ? "/" : "", name, strerror(errno));
    tally->errors++;
}

static void *need(void *memory) {
    if (memory == NULL) {
        perror("floor");
        exit(1);
    }
    return memory;
}

static char *join(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = need(malloc(size));
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static void push(char *path) {
    pthread_mutex_lock(&todo.lock);
    if (todo.count == todo.room) {
        todo.room = todo.room ? 2 * todo.room : 1024;
        todo.paths = need(realloc(todo.paths, todo.room * sizeof *todo.paths));
    }
    todo.paths[todo.count++] = path;
    pthread_cond_signal(&todo.changed);
    pthread_mutex_unlock(&todo.lock);
}

/* The next folder, the caller now busy; NULL when all is done. */
static char *pop(void) {
    char *path = NULL;
    pthread_mutex_lock(&todo.lock);
    while (todo.count == 0 && todo.busy > 0)
        pthread_cond_wait(&todo.changed, &todo.lock);
    if (todo.count > 0) {
        path = todo.paths[--todo.count];
        todo.busy++;
    }
    pthread_mutex_unlock(&todo.lock);
    return path;
}

static void rest(void) {
    pthread_mutex_lock(&todo.lock);
    if (--todo.busy == 0 && todo.count == 0)
        pthread_cond_broadcast(&todo.changed);
    pthread_mutex_unlock(&todo.lock);
}

/* openat without touching the access time where the system allows that. */
static int open_quietly(int at, const char *name, int flags) {
    int quiet = atomic_load(&noatime);
    int fd = openat(at, name, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC | quiet);
    if (fd < 0 && errno == EPERM && quiet) {
        atomic_store(&noatime, 0);
        fd = openat(at, name, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd;
}

/* Reads up to the end, whatever the size was when the name was looked at. */
static void read_file(struct tally *tally, int at, const char *folder, const char *name) {
    ssize_t got;
    int fd = open_quietly(at, name, 0);
    if (fd < 0) {
        complain(tally, folder, name);
        return;
    }
    while ((got = read(fd, tally->buffer, BUFFER)) > 0)
        tally->bytes += (unsigned long long)got;
    if (got < 0)
        complain(tally, folder, name);
    close(fd);
}

static void visit_entry(struct tally *tally, int at, const char *folder, struct dirent *entry) {
    unsigned char type = entry->d_type;
    if (mode != WALK || type == DT_UNKNOWN) {
        struct stat st;
        if (fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            complain(tally, folder, entry->d_name);
            return;
        }
        type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_LNK;
        if (mode == STAT && type == DT_REG)
            tally->bytes += (unsigned long long)st.st_size;
    }
    if (type == DT_DIR) {
        push(join(folder, entry->d_name));
    } else if (type == DT_REG) {
        tally->files++;
        if (mode == READ)
            read_file(tally, at, folder, entry->d_name);
    }
}

static void visit_folder(struct tally *tally, const char *folder) {
    struct stat st;
    struct dirent *entry;
    int fd = open_quietly(AT_FDCWD, folder, O_DIRECTORY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        complain(tally, folder, "");
        if (fd >= 0)
            close(fd);
        return;
    }
    if (st.st_dev != device) {
        close(fd);
        return;
    }
    tally->folders++;
    DIR *stream = need(fdopendir(fd));
    for (errno = 0; (entry = readdir(stream)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit_entry(tally, fd, folder, entry);
    if (errno != 0)
        complain(tally, folder, "");
    closedir(stream);
}

static void *work(void *argument) {
    struct tally *tally = argument;
    char *folder;
    tally->buffer = need(malloc(BUFFER));
    while ((folder = pop()) != NULL) {
        visit_folder(tally, folder);
        free(folder);
        rest();
    }
    free(tally->buffer);
    return NULL;
}

static int run(int threads, const char *path) {
    static struct tally tallies[MAX_THREADS];
    static pthread_t ids[MAX_THREADS];
    struct tally sum = {0};
    push(need(strdup(path)));
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, &tallies[i]) != 0) {
            fputs("floor: cannot start a thread\n", stderr);
            exit(1);
        }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        sum.files += tallies[i].files;
        sum.folders += tallies[i].folders;
        sum.bytes += tallies[i].bytes;
        sum.errors += tallies[i].errors;
    }
    printf("{\"files\": %llu, \"dirs\": %llu, \"bytes\": %llu}\n", sum.files, sum.folders,
           sum.bytes);
    return sum.errors ? 1 : 0;
}

int main(int argc, char **argv) {
    struct stat st;
    int threads = argc == 4 ? atoi(argv[2]) : 0;
    if (threads < 1 || threads > MAX_THREADS) {
        fprintf(stderr, "usage: floor walk|stat|read THREADS(1-%d) PATH\n", MAX_THREADS);
        return 2;
    }
    if (strcmp(argv[1], "walk") == 0)
        mode = WALK;
    else if (strcmp(argv[1], "stat") == 0)
        mode = STAT;
    else if (strcmp(argv[1], "read") == 0)
        mode = READ;
    else {
        fprintf(stderr, "floor: unknown mode %s: walk, stat or read\n", argv[1]);
        return 2;
    }
    if (lstat(argv[3], &st) != 0) {
        fprintf(stderr, "floor: %s: %s\n", argv[3], strerror(errno));
        return 2;
    }
    device = st.st_dev;
    return run(threads, argv[3]);
}
