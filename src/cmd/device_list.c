/* Reads --devices. Only what is asked for is looked for: "cpu" never loads the CUDA module. */
#include "cmd/device_list.h"

#include "base/error.h"
#include "cmd/options.h"
#include "engine/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Keeps a name in list->text, behind those that stand there already. */
static int add(ax_device_list *list, const char *name)
{
    char *at = list->text;
    for (int i = 0; i < list->n; i++) {
        if (!strcmp(list->names[i], name)) return ax_fail(AX_EARG, "--devices: device %s is named twice", name);
        at += strlen(list->names[i]) + 1;
    }
    if (list->n == AX_DEVICES_MAX || at + strlen(name) + 1 > list->text + sizeof list->text)
        return ax_fail(AX_EARG, "--devices: more than %d devices", list->n);
    list->names[list->n++] = memcpy(at, name, strlen(name) + 1);
    return AX_OK;
}

static int add_all(ax_device_list *list, int n)
{
    for (int i = 0; i < n; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        AX_TRY(add(list, number));
    }
    list->cuda = n > 0;
    return AX_OK;
}

/* How many CUDA devices there are, or -1 and why: counted by a child, so that this process never opens the driver, which would stay
 * with it as long as the sweep lasts. */
static int count_apart(void)
{
    struct {
        int n, status;
        char why[512];
    } found = {-1, AX_EDEVICE, "the devices could not be counted"};
    int ends[2];
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0) return ax_fail(AX_EFAILED, "cannot make a pipe: %s", strerror(errno)), -1;
    pid_t child = fork();
    if (child == 0) {
        found.n = ax_backend_cuda_devices();
        found.status = found.n < 0 ? ax_errstatus() : AX_OK;
        snprintf(found.why, sizeof found.why, "%s", ax_errmsg());
        _exit(write(ends[1], &found, sizeof found) != sizeof found);
    }
    close(ends[1]);
    if (child > 0 && read(ends[0], &found, sizeof found) != sizeof found) found.n = -1;
    close(ends[0]);
    if (child > 0) waitpid(child, NULL, 0);
    if (found.n < 0) ax_fail(found.status, "%s", found.why);
    return found.n;
}

/* Digits with commas between. */
static int check_numbers(const char *text)
{
    size_t digits = 0;
    for (const char *c = text;; c++) {
        if (*c >= '0' && *c <= '9' && ++digits < 6) continue;
        if ((*c == ',' || !*c) && digits) {
            if (!*c) return AX_OK;
            digits = 0;
            continue;
        }
        return ax_fail(AX_EARG, "--devices: '%s', wanted cpu, auto, all, or numbers such as 0,1", text);
    }
}

static int add_numbers(ax_device_list *list, const char *text)
{
    AX_TRY(check_numbers(text));
    int there = count_apart();
    if (there < 0) return ax_errstatus();
    for (char *end; *text; text = *end ? end + 1 : end) {
        long device = strtol(text, &end, 10);
        char number[16];
        snprintf(number, sizeof number, "%ld", device);
        if (device >= there)
            return ax_fail(AX_EDEVICE, "--devices: device %ld, but this machine has %d CUDA device%s; see 'approxrun devices'", device, there,
                           there == 1 ? "" : "s");
        AX_TRY(add(list, number));
    }
    list->cuda = 1;
    return AX_OK;
}

int ax_device_list_parse(ax_device_list *list, const char *text)
{
    *list = (ax_device_list){0};
    if (!strcmp(text, "cpu")) return add(list, "cpu");
    if (!strcmp(text, "auto")) {
        int n = count_apart();
        if (n > 0) return add_all(list, n);
        if (!ax_common_options.quiet) fprintf(stderr, "--devices auto: the cpu (%s)\n", n < 0 ? ax_errmsg() : "this machine has no CUDA device");
        return add(list, "cpu");
    }
    if (!strcmp(text, "all")) {
        int n = count_apart();
        if (n < 0) return ax_errstatus();
        return n ? add_all(list, n) : ax_fail(AX_EDEVICE, "--devices all: this machine has no CUDA device; use --devices cpu");
    }
    return add_numbers(list, text);
}
