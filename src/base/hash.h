/* SHA-256 (OpenSSL's libcrypto) for ids and files, CRC-32 (zlib) for records. */
#ifndef AX_BASE_HASH_H
#define AX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { AX_SHA256_HEX = 65 };     /* 64 digits and a zero */

int ax_sha256(char hex[AX_SHA256_HEX], const void *data, size_t len);
int ax_sha256_file(char hex[AX_SHA256_HEX], const char *path);      /* AX_ENOENT, AX_EIO */
uint32_t ax_crc32(const void *data, size_t len);

#endif
