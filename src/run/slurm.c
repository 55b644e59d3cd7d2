/* Slurm as a launcher. Invariant: the script alone decides what runs; the program that wrote it is not needed any more, and
 * whatever a job does not get to, another run of the same script does. */
#include "run/slurm.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Slurm's programs ---- */

static void first_line(char *out, size_t size, int file)
{
    ssize_t n = pread(file, out, size - 1, 0);
    out[n > 0 ? n : 0] = 0;
    out[strcspn(out, "\r\n")] = 0;
}

/* Runs argv[0] to its end; `out` gets the first line it printed. AX_EARG: there is none, or it failed, with its own words. */
static int ask(char *out, size_t size, const char *const *argv)
{
    char words[512];
    pid_t pid;
    int files[3] = {-1, memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC)};
    int e = files[1] < 0 || files[2] < 0 ? errno : ax_spawn(&pid, &(ax_program){.argv = argv, .files = files, .nfiles = 3});
    int status = e ? ax_fail(AX_EARG, "cannot run %s: %s; is this a machine from which jobs are submitted?", argv[0], strerror(e)) : AX_OK;
    if (!e) {
        int how = ax_spawn_wait(pid);
        first_line(out, size, files[1]);
        first_line(words, sizeof words, files[2]);
        if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) status = ax_fail(AX_EARG, "%s failed: %s", argv[0], words[0] ? words : "it says nothing");
    }
    for (int i = 1; i < 3; i++)
        if (files[i] >= 0) close(files[i]);
    return status;
}

/* ---- the batch script ---- */

/* For the shell: 'it'\''s'. */
static void put_shell(ax_buf *b, const char *text)
{
    ax_buf_puts(b, "'");
    for (const char *c = text; *c; c++) {
        if (*c == '\'') ax_buf_puts(b, "'\\''");
        else ax_buf_add(b, c, 1);
    }
    ax_buf_puts(b, "'");
}

/* For an #SBATCH line, which has quotes of its own; in file names % begins a pattern. */
static void put_sbatch(ax_buf *b, const char *text, bool file)
{
    ax_buf_puts(b, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') ax_buf_puts(b, "\\");
        if (*c == '%' && file) ax_buf_puts(b, "%");
        ax_buf_add(b, c, 1);
    }
    ax_buf_puts(b, "\"");
}

static int check_words(const ax_slurm_options *o, const char *cwd)
{
    if (strpbrk(cwd, "\\\n") || strpbrk(o->dir, "\\\n"))
        return ax_fail(AX_EARG, "--launcher slurm: '%s' in '%s': Slurm cannot write a log where a name has a backslash or a new line", o->dir, cwd);
    for (int i = 0; i < o->nmore; i++)
        if (o->more[i][0] != '-' || strchr(o->more[i], '\n'))
            return ax_fail(AX_EARG, "--slurm-arg is '%s', wanted an option of sbatch or srun such as --time=4:00:00", o->more[i]);
    return AX_OK;
}

static void put_head(ax_buf *b, const ax_slurm_options *o, const char *cwd)
{
    ax_buf_printf(b, "#!/bin/bash\n# Workers of a study, as 'approxrun sweep --launcher slurm' submitted them. It may be edited and submitted again,\n"
                  "# from anywhere: sbatch slurm.sh\n#SBATCH --job-name=");
    put_sbatch(b, o->name, false);
    ax_buf_printf(b, "\n#SBATCH --array=1-%d", o->tasks);
    if (o->at_once > 0 && o->at_once < o->tasks) ax_buf_printf(b, "%%%d", o->at_once);
    ax_buf_printf(b, "\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=%d\n", o->threads);
    if (o->gpus) ax_buf_puts(b, "#SBATCH --gres=gpu:1\n");
    ax_buf_puts(b, "#SBATCH --requeue\n#SBATCH --signal=B:USR1@120\n#SBATCH --open-mode=append\n#SBATCH --output=");
    char *logs = ax_path_join(o->dir, "logs"), *path = logs ? ax_path_join(cwd, logs) : NULL;
    if (path) put_sbatch(b, path, true);
    else b->failed = true;
    b->len -= b->len > 0;                                      /* before the closing quote */
    ax_buf_puts(b, "/slurm-%A_%a.log\"\n");
    ax_free(logs);
    ax_free(path);
    for (int i = 0; i < o->nmore; i++) {
        const char *value = strchr(o->more[i], '=');
        ax_buf_puts(b, "#SBATCH ");
        ax_buf_add(b, o->more[i], value ? (size_t)(value + 1 - o->more[i]) : strlen(o->more[i]));
        if (value) put_sbatch(b, value + 1, false);
        ax_buf_puts(b, "\n");
    }
}

/* Slurm's warning (USR1) and its end (TERM) reach this shell; the worker answers either with a checkpoint and code 75. */
static const char body[] =
    "cd \"$folder\" || exit 4\n"
    "export OPENBLAS_NUM_THREADS=1\n"
    "[ -d \"$study\" ] || { echo \"$study: not in $folder on $(hostname): is this a shared file system?\"; exit 4; }\n"
    "\n"
    "# A worker that dies is started again; a trial that three died of has failed, and the others go on.\n"
    "stop=\n"
    "trap 'stop=USR1; kill -USR1 \"$worker\" 2>/dev/null' USR1\n"
    "trap 'stop=TERM; kill -TERM \"$worker\" 2>/dev/null' TERM\n"
    "for life in {1..50}; do\n"
    "  left=${max_time:+$((max_time - SECONDS))}\n"
    "  [ \"${left:-1}\" -gt 0 ] || { code=75; break; }\n"
    "  \"$program\" worker --device \"$device\" --threads \"${SLURM_CPUS_PER_TASK:-1}\" $limits ${left:+--max-time $left} --quiet -- \"$study\" &\n"
    "  worker=$!\n"
    "  wait \"$worker\"; code=$?\n"
    "  while kill -0 \"$worker\" 2>/dev/null; do wait \"$worker\"; code=$?; done\n"
    "  [ -z \"$stop\" ] && [ \"$code\" -gt 128 ] || break\n"
    "  echo \"worker $worker ended with code $code, starting another\"\n"
    "done\n"
    "\n"
    "# Time is almost over: queue again, to go on from the checkpoint, unless there is a max_time, which would begin anew. After TERM\n"
    "# (preempted, requeued, cancelled) Slurm decides.\n"
    "[ \"$stop\" = USR1 ] && [ -z \"$max_time\" ] && scontrol requeue \"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\" && exit 0\n"
    "exit \"$code\"\n";

/* What sweep was told, for the worker's command line. */
static void put_limits(ax_buf *b, const ax_slurm_options *o)
{
    ax_buf_puts(b, "limits='");
    if (o->trial_time > 0) ax_buf_printf(b, "--trial-time %.6f ", o->trial_time);
    if (o->retries) ax_buf_printf(b, "--retries %d%s", o->retries, o->restart_failed ? " --restart-failed" : "");
    ax_buf_puts(b, "'\nmax_time=");
    if (o->max_time > 0) ax_buf_printf(b, "%.0f", ceil(o->max_time));
    ax_buf_puts(b, "   # seconds after which a task's worker stops for good; empty: never\n");
}

static int write_script(const char *path, const ax_slurm_options *o)
{
    char cwd[PATH_MAX], program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0 || !getcwd(cwd, sizeof cwd)) return ax_fail(AX_ESTORE, "cannot find the program or the working directory: %s", strerror(errno));
    program[n] = 0;
    AX_TRY(check_words(o, cwd));
    ax_buf b;
    ax_buf_init(&b);
    put_head(&b, o, cwd);
    const char *const lines[][2] = {{"folder", cwd}, {"study", o->dir}, {"program", program}, {"device", o->gpus ? "0" : "cpu"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        ax_buf_printf(&b, "%s%s=", i ? "" : "\n", lines[i][0]);
        put_shell(&b, lines[i][1]);
        ax_buf_puts(&b, "\n");
    }
    put_limits(&b, o);
    ax_buf_puts(&b, body);
    int status = ax_buf_status(&b);
    if (status == AX_OK) status = ax_file_write(path, b.data, b.len);
    ax_buf_release(&b);
    return status;
}

/* ---- submitting ---- */

int ax_slurm_job(char job[32], const char *dir)
{
    char *path = ax_path_join(dir, "slurm.job"), *text = NULL;
    size_t len;
    int status = path ? ax_file_read(&text, &len, path, 64) : AX_ENOMEM;
    ax_free(path);
    if (status != AX_OK) return status == AX_EIO || status == AX_ENOMEM ? status : AX_ENOENT;      /* of another kind: nobody's */
    text[strcspn(text, ";\n")] = 0;                            /* "ID;CLUSTER" */
    snprintf(job, 32, "%s", text);
    ax_free(text);
    return AX_OK;
}

int ax_slurm_check_queue(const char *dir)
{
    char before[32], line[256] = "";
    int status = ax_slurm_job(before, dir);
    if (status != AX_OK) return status == AX_ENOENT ? AX_OK : status;      /* one that cannot be read may run */
    const char *const argv[] = {"squeue", "--noheader", "--format=%i %T", "--jobs", before, NULL};
    if (ask(line, sizeof line, argv) != AX_OK || !line[0]) return AX_OK;      /* a job that is over is an error of squeue's */
    return ax_fail(AX_ESTORE, "job %s of this study is still in the queue (%s); wait for it, 'scancel %s' first, or name another directory with -o",
                   before, line, before);
}

int ax_slurm_submit(char job[32], const ax_slurm_options *o)
{
    char *script = ax_path_join(o->dir, "slurm.sh"), *job_path = ax_path_join(o->dir, "slurm.job");
    int status = script && job_path ? ax_slurm_check_queue(o->dir) : AX_ENOMEM;
    if (status == AX_OK) status = write_script(script, o);
    const char *const argv[] = {"sbatch", "--parsable", script, NULL};
    if (status == AX_OK) status = ask(job, 32, argv);
    if (status == AX_OK) status = ax_file_write(job_path, job, strlen(job));
    job[strcspn(job, ";")] = 0;                                /* "ID;CLUSTER" */
    ax_free(script);
    ax_free(job_path);
    return status;
}

/* ---- inside an allocation ---- */

enum { LIMIT_TEXT = 128 };

static int number(const char *name)
{
    int64_t n = 0;
    const char *text = getenv(name);
    return text && ax_text_int(&n, text, 1, 1 << 20) ? (int)n : 0;
}

int ax_slurm_room(void)
{
    int tasks = number("SLURM_NTASKS"), nodes = number("SLURM_JOB_NUM_NODES");
    return tasks ? tasks : nodes ? nodes : 1;
}

int ax_slurm_threads(void)
{
    int n = number("SLURM_CPUS_PER_TASK");
    return n ? n : 1;
}

/* Slurm has forgotten a job some minutes after its end; then squeue fails. */
bool ax_slurm_over(void)
{
    const char *job = getenv("SLURM_JOB_ID");
    char line[64] = "";
    if (!job) return false;
    const char *const argv[] = {"squeue", "--noheader", "--states=running,suspended,configuring", "--format=%i", "--jobs", job, NULL};
    return ask(line, sizeof line, argv) == AX_OK ? !line[0] : strstr(ax_errmsg(), "Invalid job id") != NULL;
}

/* Behind srun's options: this program, and "worker" will follow. With a limit the shell puts it behind that word. */
static void put_program(const char **words, char *text, const ax_slurm_options *o, const char *program)
{
    static const char put_in[] = "program=$1; shift 2; exec \"$program\" worker --trial-time %.6f \"$@\"";
    if (!(o->trial_time > 0)) {
        words[0] = program;
        return;
    }
    snprintf(text, LIMIT_TEXT, put_in, o->trial_time);
    const char *const shell[] = {"/bin/sh", "-c", text, "sh", program};
    memcpy(words, shell, sizeof shell);
}

const char **ax_slurm_step(const ax_slurm_options *o)
{
    static const char *const fixed[] = {"srun", "--nodes=1", "--ntasks=1", "--exact", "--quiet"};
    enum { FIXED = sizeof fixed / sizeof fixed[0], TEXT = 32 };
    size_t n = FIXED, room = FIXED + 8 + (size_t)o->nmore;
    if (!getenv("SLURM_JOB_ID")) {
        ax_fail(AX_EARG, "--launcher srun: not inside an allocation; get one with salloc or sbatch, or let --launcher slurm submit a job");
        return NULL;
    }
    const char **words = ax_alloc(room * sizeof *words + TEXT + LIMIT_TEXT + PATH_MAX, 1);
    if (!words) return NULL;
    char *cpus = (char *)(words + room), *limit = cpus + TEXT, *program = limit + LIMIT_TEXT;      /* behind the words */
    memcpy(words, fixed, sizeof fixed);
    snprintf(cpus, TEXT, "--cpus-per-task=%d", o->threads);
    words[n++] = cpus;
    if (o->gpus) words[n++] = "--gres=gpu:1";
    for (int i = 0; i < o->nmore; i++) words[n++] = o->more[i];
    put_program(words + n, limit, o, readlink("/proc/self/exe", program, PATH_MAX - 1) > 0 ? program : "approxrun");
    return words;
}
