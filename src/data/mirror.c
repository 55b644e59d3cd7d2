/* Files from HTTPS mirrors (libcurl). Invariant: nothing but https is spoken, and no answer may exceed its cap. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "data/gzip.h"
#include "data/source.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ax_buf *out;
    size_t cap;
} download;

/* libcurl's write callback: taking fewer bytes than given ends the transfer. */
static size_t take(char *data, size_t size, size_t n, void *context)
{
    download *d = context;
    if (size * n > d->cap - d->out->len) return 0;
    ax_buf_add(d->out, data, size * n);
    return d->out->failed ? 0 : size * n;
}

static CURLcode perform(CURL *curl, download *d, const char *url, char error[CURL_ERROR_SIZE])
{
    const char *bundle = getenv("CURL_CA_BUNDLE");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);        /* bytes a second ... */
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 20L);           /* ... over so many seconds */
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 900L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "approxrun");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, d);
    if (bundle && bundle[0]) curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
    return curl_easy_perform(curl);
}

int ax_https_get(ax_buf *out, const char *url, size_t cap)
{
    char error[CURL_ERROR_SIZE] = "";
    download d = {out, cap};
    ax_buf_clear(out);
    CURL *curl = curl_easy_init();
    if (!curl) return ax_fail(AX_ENOMEM, "libcurl: out of memory");
    CURLcode code = perform(curl, &d, url, error);
    curl_easy_cleanup(curl);
    if (code == CURLE_OK) return ax_buf_status(out);
    if (code == CURLE_WRITE_ERROR) return ax_fail(AX_ENODATA, "%s: more than the %zu bytes expected", ax_path_base(url), cap);
    return ax_fail(AX_ENODATA, "%s", error[0] ? error : curl_easy_strerror(code));
}

/* Downloads one gzipped file, unpacks it, checks it and puts it into `dir`. */
static int get_file(ax_buf *packed, const ax_data_source *source, const ax_data_file *file, const char *dir, const ax_fetch_manner *manner)
{
    char url[512], say[600], *data = NULL, *path = NULL;
    size_t len = 0, cap = (size_t)file->bytes;
    snprintf(url, sizeof url, "%s/%s%s", source->where, file->name, source->detail);
    snprintf(say, sizeof say, "downloading %s", url);
    if (manner->say) manner->say(say);
    AX_TRY(ax_https_get(packed, url, cap + cap / 1000 + 65536));
    int status = ax_gzip_unpack(&data, &len, packed->data, packed->len, cap, file->name);
    if (status == AX_OK) status = ax_data_verify(data, len, file, file->name);
    if (status == AX_OK && !(path = ax_path_join(dir, file->name))) status = AX_ENOMEM;
    if (status == AX_OK) status = ax_file_write(path, data, len);
    ax_free(path);
    ax_free(data);
    return status;
}

int ax_mirror_get(const ax_data_source *source, const bool *missing, const char *dir, const ax_fetch_manner *manner)
{
    int status = AX_OK;
    const ax_data_file *file;
    ax_buf packed;
    ax_buf_init(&packed);
    for (int i = 0; status == AX_OK && (file = ax_data_file_at(source->set, i)); i++)
        if (missing[i]) status = get_file(&packed, source, file, dir, manner);
    ax_buf_release(&packed);
    return status;
}
