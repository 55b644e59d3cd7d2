/* A real data set from the system's package, against Python's reading of the same files. */
#include "base/file.h"
#include "check.h"
#include "data/dataset.h"

#include <stdio.h>

enum { PIXELS = 28 * 28 };
#define FOLDER "/usr/share/datasets/fashion-mnist"

/* Image and label number `i` of a part, as gzip and struct of Python's library read them. */
static void read_by_python(uint8_t out[PIXELS + 1], const char *part, int i)
{
    char command[1024];
    snprintf(command, sizeof command,
             "/usr/bin/python3 -c \"import gzip, struct, sys\n"
             "x = gzip.open('" FOLDER "/%s-images-idx3-ubyte.gz').read(); y = gzip.open('" FOLDER "/%s-labels-idx1-ubyte.gz').read()\n"
             "magic, n, h, w = struct.unpack_from('>4I', x)\n"
             "sys.stdout.buffer.write(x[16 + %d * h * w:][:h * w] + y[8 + %d:][:1])\"", part, part, i, i);
    FILE *python = popen(command, "r");
    assert_non_null(python);
    size_t n = fread(out, 1, PIXELS + 1, python);
    assert_int_equal(pclose(python), 0);
    assert_int_equal(n, PIXELS + 1);
}

static void fashion_mnist__equals_what_python_reads(void **state)
{
    (void)state;
    static const struct { const char *name; int part, i; } samples[] = {{"train", 0, 0}, {"train", 0, 59999}, {"t10k", 1, 4321}};
    ax_dataset *d = ax_dataset_open("fashion_mnist", "{}", 1, 5000);
    if (!d) fail_msg("%s", ax_errmsg());
    assert_int_equal(ax_dataset_count(d, AX_PART_TRAIN), 55000);
    assert_int_equal(ax_dataset_count(d, AX_PART_TEST), 10000);
    for (size_t k = 0; k < sizeof samples / sizeof samples[0]; k++) {
        uint8_t wanted[PIXELS + 1];
        const ax_samples *s = &d->stored[samples[k].part];
        read_by_python(wanted, samples[k].name, samples[k].i);
        assert_memory_equal(s->pixels + samples[k].i * PIXELS, wanted, PIXELS);
        assert_int_equal(s->labels[samples[k].i], wanted[PIXELS]);
    }
    ax_dataset_close(d);
}

int main(void)
{
    if (!ax_file_exists(FOLDER) || !ax_file_exists("/usr/bin/python3")) {
        printf("skipped: no " FOLDER " (Debian: dataset-fashion-mnist) or no Python\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(fashion_mnist__equals_what_python_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
