#define _GNU_SOURCE
#include "modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"

static int is_module(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Translate the kernel's error for people who build images. */
static const char *reason(int error)
{
    switch (error) {
    case ENOEXEC:
        return "it is damaged, or built for another kernel";
    case EKEYREJECTED:
    case ENOKEY:
    case EPERM:
        return "the kernel only accepts modules signed with a trusted key";
    case ENOENT:
        return "it needs a symbol that neither the kernel nor an earlier module provides";
    default:
        return strerror(error);
    }
}

/* Return whether the module is loaded; if not, errno says why. */
static bool load(int directory, const char *name)
{
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        fail("cannot read the kernel module %s", name);
    debug("loading %s", name);
    bool loaded = syscall(SYS_finit_module, file, "", 0) == 0 || errno == EEXIST;
    int error = errno;
    close(file);
    errno = error;
    return loaded;
}

void modules_try(int directory, const char *name)
{
    if (faccessat(directory, name, F_OK, 0) < 0)
        return;
    if (!load(directory, name))
        debug("cannot load %s: %s", name, reason(errno));
    unlinkat(directory, name, 0); /* it is in the kernel now, or never will be */
}

void modules_load(const char *path)
{
    struct dirent **names;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = scandir(path, &names, is_module, alphasort);
    if (directory < 0 || count < 0) {
        if (errno == ENOENT)
            return; /* everything is built in */
        fail("cannot list %s", path);
    }
    for (int i = 0; i < count; i++) {
        if (!load(directory, names[i]->d_name)) {
            int error = errno;
            errno = 0;
            fail("cannot load the kernel module %s: %s", names[i]->d_name, reason(error));
        }
        free(names[i]);
    }
    free(names);
    close(directory);
}
