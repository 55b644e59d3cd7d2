/* A file system without locks, for tests: preloaded, every lock is refused as some cluster file systems do. Workers inherit it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

static int answer(int fd, int command, void *argument)
{
    if (command != F_OFD_SETLK && command != F_OFD_GETLK && command != F_SETLK) return (int)syscall(SYS_fcntl, fd, command, argument);
    errno = ENOLCK;
    return -1;
}

int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return answer(fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return answer(fd, command, argument);
}

int flock(int fd, int operation)
{
    (void)fd;
    (void)operation;
    errno = ENOLCK;
    return -1;
}
