/* The program that the measured servers start, and the machine's own limit for starting it.
 *
 *   stamp FILE PLACE           writes the time (ns since 1970) into the 8 bytes at PLACE, before anything else is done
 *   stamp limit THREADS COUNT  starts and awaits itself COUNT times from THREADS threads, prints starts a second
 *   stamp once COUNT           the same one after the other, prints the median and the 99th percentile in ns
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char *self;
static long share;

static int64_t now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void start_and_await(void) {
    char *args[] = {self, "/dev/null", "0", NULL};
    pid_t pid;
    if (posix_spawn(&pid, self, NULL, NULL, args, environ) != 0) exit(3);
    waitpid(pid, NULL, 0);
}

static void *work(void *unused) {
    for (long i = 0; i < share; i++) start_and_await();
    return unused;
}

static void limit(int threads, long count) {
    pthread_t ids[64];
    share = count / threads;
    int64_t begin = now(CLOCK_MONOTONIC);
    for (int i = 0; i < threads; i++) pthread_create(&ids[i], NULL, work, NULL);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    printf("%.0f\n", share * threads * 1e9 / (now(CLOCK_MONOTONIC) - begin));
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void once(long count) {
    int64_t *took = calloc(count, sizeof *took);
    for (long i = 0; i < count; i++) {
        int64_t begin = now(CLOCK_MONOTONIC);
        start_and_await();
        took[i] = now(CLOCK_MONOTONIC) - begin;
    }
    qsort(took, count, sizeof *took, by_size);
    printf("%lld %lld\n", (long long)took[count / 2], (long long)took[count * 99 / 100]);
}

int main(int argc, char **argv) {
    int64_t time = now(CLOCK_REALTIME);
    self = argv[0];
    if (argc == 4 && !strcmp(argv[1], "limit")) {
        limit(atoi(argv[2]), atol(argv[3]));
    } else if (argc == 3 && !strcmp(argv[1], "once")) {
        once(atol(argv[2]));
    } else if (argc == 3) {
        int file = open(argv[1], O_WRONLY | O_CLOEXEC);
        return file < 0 || pwrite(file, &time, sizeof time, atol(argv[2]) * 8) < 0;
    } else {
        return 2;
    }
    return 0;
}
