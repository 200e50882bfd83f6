#define _GNU_SOURCE
#include "xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "listing.h"
#include "message.h"

/* Explain why the root accepted one attribute but not another; a tmpfs supports what the kernel supports. */
static void explain_unsupported(const char *path, const char *name)
{
    if (strncmp(name, "user.", 5) == 0)
        say("the kernel cannot store user attributes in memory (Linux 6.6 and later can): %s lacks %s", path, name);
    else
        say("the root file system cannot store %s (of %s), so files lose their capabilities: "
            "remove rootfstype=ramfs if it is on the command line", name, path);
}

/* A file in a read-only layer does not accept an ACL; setting its times makes overlayfs copy it up. */
static void copy_up(const char *path)
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
    copy_up(path);
    return lsetxattr(path, name, value, length, 0);
}

static void restore_all(struct listing *list)
{
    int unsupported[2] = {0, 0}, failed = 0;
    while (list->at < list->end) {
        const char *path = listing_text(list);
        const char *name = listing_text(list);
        uint64_t length;
        if (!listing_number(list, 4, &length)) {
            say("the list of extended attributes is damaged: some files lack their capabilities");
            return;
        }
        const char *value = listing_bytes(list, length);
        if (!value) {
            say("the list of extended attributes is truncated: some files lack their capabilities");
            return;
        }
        if (restore(path, name, value, length) < 0) {
            bool user = strncmp(name, "user.", 5) == 0;
            if (errno == EOPNOTSUPP && unsupported[user]++ == 0)
                explain_unsupported(path, name);
            else if (errno != EOPNOTSUPP && failed++ < 5)
                say("cannot set %s of %s: %s", name, path, strerror(errno));
        }
    }
}

void xattrs_restore(int file)
{
    struct listing list;
    listing_open(&list, file, "extended attributes");
    restore_all(&list);
    listing_close(&list);
}
