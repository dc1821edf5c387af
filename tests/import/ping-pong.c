/* What ping-pong.strace and ping-pong.perf are recordings of: cc -O1 -static -pthread ping-pong.c */
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void work(long micros) {
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 < micros);
}

int main(void) {
    int ping[2], pong[2];
    char byte[64] = {0};
    pipe(ping);
    pipe(pong);
    if (fork() == 0) {
        close(ping[1]);
        close(pong[0]);
        while (read(ping[0], byte, 1) == 1) {
            work(100);
            write(pong[1], byte, 64);
        }
        _exit(7);
    }
    close(ping[0]);
    close(pong[1]);
    for (int i = 0; i < 100; i++) {
        work(200);
        write(ping[1], byte, 1);
        read(pong[0], byte, 64);
    }
    close(ping[1]);
    struct timespec pause = {0, 5000000};
    nanosleep(&pause, 0);
    wait(0);
    return 0;
}
