/* Reads --devices. Only what is asked for is looked for: "cpu" never loads the CUDA module. */
#include "cmd/device_list.h"

#include "base/error.h"
#include "engine/backend.h"

#include <stdio.h>
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

static int add_numbers(ax_device_list *list, const char *text)
{
    int there = ax_backend_cuda_devices();
    if (there < 0) return ax_errstatus();
    while (*text) {
        size_t n = strspn(text, "0123456789");
        char number[8];
        if (n < 1 || n >= sizeof number || (text[n] && text[n] != ',') || (text[n] && !text[n + 1]))
            return ax_fail(AX_EARG, "--devices: '%s', wanted cpu, auto, all, or numbers such as 0,1", text);
        snprintf(number, sizeof number, "%.*s", (int)n, text);
        int device = 0;
        sscanf(number, "%d", &device);
        if (device >= there)
            return ax_fail(AX_EDEVICE, "--devices: device %d, but this machine has %d CUDA device%s; see 'approxrun devices'", device, there,
                           there == 1 ? "" : "s");
        AX_TRY(add(list, number));
        text += n + (text[n] == ',');
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
    if (!*text) return ax_fail(AX_EARG, "--devices: nothing named, wanted cpu, auto, all, or numbers such as 0,1");
    return add_numbers(list, text);
}
