/* Results to stdout or to a file. */
#include "cmd/output.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int cannot_write(void)
{
    return ax_fail(AX_EIO, "standard output: cannot write: %s", strerror(errno));
}

int ax_output_json(cJSON *tree)
{
    char *text = ax_json_text(tree, true);
    cJSON_Delete(tree);
    if (!text) return AX_ENOMEM;
    puts(text);
    ax_free(text);
    return AX_OK;
}

int ax_output_text(const ax_buf *text, const char *path)
{
    AX_TRY(ax_buf_status(text));
    if (strcmp(path, "-")) return ax_file_write(path, text->data, text->len);
    size_t n = fwrite(text->data, 1, text->len, stdout);
    return n == text->len ? AX_OK : cannot_write();
}

int ax_output_end(void)
{
    if (ax_alloc_failed()) return ax_fail(AX_ENOMEM, "out of memory on the way: what was printed may lack parts");
    errno = EIO;                                     /* what an earlier write failed for is not known, if this one does not */
    return fflush(stdout) == 0 && !ferror(stdout) ? AX_OK : cannot_write();
}
