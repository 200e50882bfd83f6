/* Feeds hostile command lines and lists to the functions of init, under ASan and UBSan.
 *
 * stdin: cases of one byte (the kind), a length (uint32, little endian) and so many bytes. Every case runs in a process
 * of its own, in an empty directory as its root. stdout: one line a case, its exit status. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmdline.h"
#include "message.h"
#include "sparse.h"
#include "stages.h"
#include "xattrs.h"

/* init prints to the consoles of the machine; what it would print must be valid memory here, too. */
static void consume(const char *format, va_list arguments)
{
    char line[512];
    vsnprintf(line, sizeof line, format, arguments);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    consume(format, arguments);
    va_end(arguments);
}

void debug(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    consume(format, arguments);
    va_end(arguments);
}

void fail(const char *format, ...)
{
    (void)format;
    exit(3);
}

static int file_of(const char *data, size_t length)
{
    int file = memfd_create("case", MFD_CLOEXEC);
    if (file < 0 || write(file, data, length) != (ssize_t)length)
        exit(4);
    return file;
}

static void run(char kind, const char *data, size_t length)
{
    switch (kind) {
    case 'c': {
        int file = open("/proc/cmdline", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file < 0 || write(file, data, length) != (ssize_t)length)
            exit(4);
        close(file);
        cmdline_read(NULL);
        const char *value = cmdline_value("claylinux.tmpfs");
        exit(value && strlen(value) && cmdline_has("quiet") ? 0 : 0);
    }
    case 'k': { /* the same line, but another one counts */
        int file = open("/proc/cmdline", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file < 0 || write(file, data, length) != (ssize_t)length)
            exit(4);
        close(file);
        cmdline_read("quiet -- claylinux.tmpfs=1%");
        const char *difference = cmdline_difference();
        bool same = length == 27 && memcmp(data, "quiet -- claylinux.tmpfs=1%", length) == 0;
        exit(cmdline_has("quiet") && !cmdline_value("claylinux.tmpfs") && (same || (difference && *difference)) ? 0 : 5);
    }
    case 't':
        stages_set_times(file_of(data, length));
        break;
    case 's':
        sparse_restore(file_of(data, length));
        break;
    case 'r':
        stages_remove(file_of(data, length));
        break;
    default:
        xattrs_restore(file_of(data, length));
    }
}

int main(int argc, char **argv)
{
    unsigned char head[5];
    if (argc != 2 || chroot(argv[1]) < 0 || chdir("/") < 0)
        return 2;
    mkdir("/proc", 0700);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t length = head[1] | head[2] << 8 | (size_t)head[3] << 16 | (size_t)head[4] << 24;
        char *data = malloc(length + 1);
        if (!data || fread(data, 1, length, stdin) != length)
            return 2;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            run((char)head[0], data, length);
            free(data);
            exit(0);
        }
        int status = -1;
        waitpid(child, &status, 0);
        free(data);
        printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        fflush(stdout);
    }
    return 0;
}
