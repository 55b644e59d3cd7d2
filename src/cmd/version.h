/* The program's version and those of its libraries, as --version prints them and as results record them. */
#ifndef AX_CMD_VERSION_H
#define AX_CMD_VERSION_H

int ax_version_print(void);

#endif
