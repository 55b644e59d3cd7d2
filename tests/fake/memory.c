/* Memory that runs out, for tests: preloaded, it counts what the program itself asks for, not its libraries, and refuses at one point.
 *
 *   MEMORY_AT=N        refuses the N-th request, from 1 on
 *   MEMORY_DO=all      and all after it, of libraries too; without it that one alone
 *   MEMORY_VERB=VERB   only in processes started as 'approxrun VERB'; without it in all
 *   MEMORY_LEFT=FILE   is made when the blow has fallen */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static uintptr_t begins, ends;       /* of the program's code */
static long at;                      /* 0: nothing is refused in this process */
static bool all;
static _Atomic long count;

static bool has_verb(const char *verb)
{
    char line[4096] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0) syscall(SYS_close, fd);
    size_t first = strlen(line) + 1;
    return n > 0 && first < (size_t)n && !strcmp(line + first, verb);
}

/* The program comes first. */
static int find_code(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        begins = info->dlpi_addr + part->p_vaddr;
        ends = begins + part->p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *verb = getenv("MEMORY_VERB"), *n = getenv("MEMORY_AT"), *what = getenv("MEMORY_DO");
    if (!n || (verb && !has_verb(verb))) return;
    dl_iterate_phdr(find_code, NULL);
    all = what && !strcmp(what, "all");
    at = atol(n);
}

static void tell(void)
{
    const char *path = getenv("MEMORY_LEFT");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) syscall(SYS_close, fd);
}

static bool refuses(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (!at) return false;
    bool ours = from >= begins && from < ends;
    long n = ours ? atomic_fetch_add(&count, 1) + 1 : atomic_load(&count);
    if (ours && n == at) tell();
    if (!(ours && n == at) && !(all && n >= at)) return false;
    errno = ENOMEM;
    return true;
}

/* ---- the calls ---- */

void *malloc(size_t size) { return refuses(__builtin_return_address(0)) ? NULL : __libc_malloc(size); }

void *calloc(size_t count_, size_t size) { return refuses(__builtin_return_address(0)) ? NULL : __libc_calloc(count_, size); }

void *realloc(void *p, size_t size) { return refuses(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size); }

void *aligned_alloc(size_t alignment, size_t size)
{
    return refuses(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}
