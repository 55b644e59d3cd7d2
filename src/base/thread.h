/* A thread beside the one that works: it takes no signals, and sleeps until its time comes or it is to end. */
#ifndef AX_BASE_THREAD_H
#define AX_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

typedef struct {
    pthread_t id;
    pthread_mutex_t lock;      /* of `over` and of what else the two share */
    pthread_cond_t wake;
    bool over;                 /* it is to end */
    void (*run)(void *arg);    /* called with the lock */
    void *arg;
} ax_thread;

int ax_thread_start(ax_thread *t, void (*run)(void *arg), void *arg);      /* AX_EFAILED */
void ax_thread_end(ax_thread *t);                                          /* asks it to end, and waits until it has */

/* With the lock, which is let go meanwhile. true: the time is over, as it is if below 0; false: it was woken, perhaps for nothing. */
bool ax_thread_sleep(ax_thread *t, double seconds);

#endif
