/* Multiplier tables: the first byte chooses the widths and the format that a user would say, the others are the file. */
#include "fuzz.h"

#include "base/alloc.h"
#include "lut/file.h"

static void check_written(const uint32_t *words, int width, enum ax_table_format format, const uint8_t *data, size_t size)
{
    ax_buf bytes;
    ax_buf_init(&bytes);
    promise(ax_table_encode(&bytes, words, width, format, "written") == AX_OK);
    promise(bytes.len == size && !memcmp(bytes.data, data, size));
    ax_buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    uint32_t *words = NULL;
    enum ax_table_format format = data[0] % 3;
    int width = data[0] / 3 % 12;
    const char *path = fuzz_file(data[0] & 0x80 ? "T_2.bin" : "T.bin", data + 1, size - 1);
    if (fuzz_accepted(ax_table_read(&words, &width, &format, path))) check_written(words, width, format, data + 1, size - 1);
    ax_free(words);
    format = AX_TABLE_ANY;
    ax_table_widths own = {1 + data[0] % 4, 1 + data[0] / 4 % 4};
    if (fuzz_accepted(ax_table_read_widths(&words, own, &format, path))) ax_free(words);
    return 0;
}
