/* What threads.strace is a recording of: cc -O1 -static -pthread threads.c */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int items;

static void *consumer(void *unused) {
    for (int i = 0; i < 20; i++) {
        pthread_mutex_lock(&mutex);
        while (items == 0) pthread_cond_wait(&filled, &mutex);
        items--;
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

int main(void) {
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN);
    pthread_create(&thread, 0, consumer, 0);
    for (int i = 0; i < 20; i++) {
        usleep(1000);
        pthread_mutex_lock(&mutex);
        items++;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&mutex);
    }
    pthread_join(thread, 0);
    pid_t child = fork();
    if (child == 0) for (;;) pause();
    usleep(2000);
    kill(child, SIGTERM);
    waitpid(child, 0, 0);
    puts("done");
    return 3;
}
