/* Digests by OpenSSL's EVP interface, as lower-case hexadecimal. */
#include "base/hash.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static void to_hex(char hex[AX_SHA256_HEX], const unsigned char *digest)
{
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

int ax_sha256(char hex[AX_SHA256_HEX], const void *data, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL)) return ax_fail(AX_ENOMEM, "SHA-256 failed");
    to_hex(hex, digest);
    return AX_OK;
}

int ax_sha256_file(char hex[AX_SHA256_HEX], const char *path)
{
    int status = AX_OK;
    unsigned char digest[EVP_MAX_MD_SIZE], chunk[65536];
    EVP_MD_CTX *ctx = NULL;
    FILE *f = fopen(path, "rb");
    if (!f) return ax_fail(AX_ENOENT, "%s: %s", path, strerror(errno));
    ctx = EVP_MD_CTX_new();
    if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)) {
        status = ax_fail(AX_ENOMEM, "SHA-256 failed");
        goto out;
    }
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) EVP_DigestUpdate(ctx, chunk, n);
    if (ferror(f)) {
        status = ax_fail(AX_EIO, "%s: %s", path, strerror(errno));
        goto out;
    }
    EVP_DigestFinal_ex(ctx, digest, NULL);
    to_hex(hex, digest);
out:
    EVP_MD_CTX_free(ctx);
    fclose(f);
    return status;
}

uint32_t ax_crc32(const void *data, size_t len) { return (uint32_t)crc32_z(0, data, len); }
