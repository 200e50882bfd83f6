#define _GNU_SOURCE
#include "xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "message.h"

/* The text at `at` and the place behind its NUL; NULL when there is no NUL before `end`. */
static const char *text_at(const char *at, const char *end, const char **behind)
{
    const char *nul = memchr(at, '\0', (size_t)(end - at));
    if (!nul)
        return NULL;
    *behind = nul + 1;
    return at;
}

/* Print why the root took one attribute and not another: what tmpfs can hold depends on the kernel. */
static void explain_unsupported(const char *path, const char *name)
{
    if (strncmp(name, "user.", 5) == 0)
        say("this kernel keeps no user attributes in memory, Linux 6.6 and later do: %s lacks %s", path, name);
    else
        say("this root cannot store %s (of %s): files lose their capabilities; "
            "is rootfstype=ramfs on the command line?", name, path);
}

/* A file that is still in a read-only layer takes no ACL; setting its own times brings it to the top. */
static void bring_up(const char *path)
{
    struct stat info;
    if (lstat(path, &info) == 0) {
        struct timespec times[2] = {info.st_atim, info.st_mtim};
        utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
    }
}

static int restore(const char *path, const char *name, const char *value, size_t length)
{
    int result = lsetxattr(path, name, value, length, 0);
    if (result == 0 || errno != EOPNOTSUPP || strncmp(name, "system.", 7) != 0)
        return result;
    bring_up(path);
    return lsetxattr(path, name, value, length, 0);
}

static void restore_all(const char *at, const char *end)
{
    int unsupported[2] = {0, 0}, failed = 0;
    while (at < end) {
        const char *path = text_at(at, end, &at);
        const char *name = path ? text_at(at, end, &at) : NULL;
        if (!name || end - at < 4) {
            say("the list of extended attributes is damaged: some files lack their capabilities");
            return;
        }
        const unsigned char *b = (const unsigned char *)at;
        uint32_t length = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        at += 4;
        if ((uint64_t)(end - at) < length) {
            say("the list of extended attributes is cut short: some files lack their capabilities");
            return;
        }
        if (restore(path, name, at, length) < 0) {
            bool user = strncmp(name, "user.", 5) == 0;
            if (errno == EOPNOTSUPP && unsupported[user]++ == 0)
                explain_unsupported(path, name);
            else if (errno != EOPNOTSUPP && failed++ < 5)
                say("cannot set %s of %s: %s", name, path, strerror(errno));
        }
        at += length;
    }
}

void xattrs_restore(int file)
{
    struct stat info;
    if (fstat(file, &info) == 0 && info.st_size > 0) {
        size_t size = (size_t)info.st_size;
        const char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (data == MAP_FAILED)
            say("cannot read the list of extended attributes: %s", strerror(errno));
        else {
            restore_all(data, data + size);
            munmap((void *)data, size);
        }
    }
    close(file);
}
