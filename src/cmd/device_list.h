/* The devices of a command line. */
#ifndef AX_CMD_DEVICE_LIST_H
#define AX_CMD_DEVICE_LIST_H

enum { AX_DEVICES_MAX = 64 };

typedef struct {
    const char *names[AX_DEVICES_MAX];       /* "cpu", or numbers of CUDA devices */
    int n, cuda;
    char text[256];
} ax_device_list;

/* "cpu"; numbers with commas ("0,1"); "all": every CUDA device; "auto": those, or else the cpu. AX_EARG, AX_EDEVICE. */
int ax_device_list_parse(ax_device_list *list, const char *text);

#endif
