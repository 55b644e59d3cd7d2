/* Reads --devices. Only what is asked for is looked for: "cpu" never loads the CUDA module. */
#include "cmd/device_list.h"

#include "base/error.h"
#include "engine/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    int there = ax_backend_cuda_devices();
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
        int n = ax_backend_cuda_devices();
        return n > 0 ? add_all(list, n) : add(list, "cpu");
    }
    if (!strcmp(text, "all")) {
        int n = ax_backend_cuda_devices();
        if (n < 0) return ax_errstatus();
        return n ? add_all(list, n) : ax_fail(AX_EDEVICE, "--devices all: this machine has no CUDA device; use --devices cpu");
    }
    return add_numbers(list, text);
}
