#define _GNU_SOURCE
#include "modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"

static int is_module(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* What the kernel's answer means for somebody who builds images. */
static const char *reason(int error)
{
    switch (error) {
    case ENOEXEC:
        return "it is not for this kernel, or damaged";
    case EKEYREJECTED:
    case ENOKEY:
    case EPERM:
        return "the kernel takes only modules that are signed with a key that it knows";
    case ENOENT:
        return "it needs something that neither this kernel nor the modules before it have";
    default:
        return strerror(error);
    }
}

static void load(int folder, const char *name)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        fail("cannot read the kernel module %s", name);
    debug("loading %s", name);
    if (syscall(SYS_finit_module, file, "", 0) < 0 && errno != EEXIST) {
        int error = errno;
        errno = 0;
        fail("cannot load the kernel module %s: %s", name, reason(error));
    }
    close(file);
}

void modules_load(const char *folder)
{
    struct dirent **names;
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = scandir(folder, &names, is_module, alphasort);
    if (directory < 0 || count < 0) {
        if (errno == ENOENT)
            return; /* everything is built in */
        fail("cannot list %s", folder);
    }
    for (int i = 0; i < count; i++) {
        load(directory, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    close(directory);
}
