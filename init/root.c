#define _GNU_SOURCE
#include "root.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

/* Every system needs this directory, and it is still empty, so the bind mount leaves no trace there. */
#define STAGE "/run"

const char *root_bind(void)
{
    mkdir(STAGE, 0755);
    if (mount("/", STAGE, NULL, MS_BIND, NULL) < 0)
        fail("cannot bind the root to " STAGE);
    return STAGE;
}

void root_switch(const char *tree)
{
    if (chdir(tree) < 0)
        fail("cannot enter the new root");
    if (mount("/dev", "dev", NULL, MS_MOVE, NULL) < 0)
        fail("cannot move /dev to the new root");
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
        fail("cannot move the new root to /");
    if (chroot(".") < 0 || chdir("/") < 0)
        fail("cannot change to the new root");
}

void root_empty(int directory, dev_t device)
{
    DIR *listing = fdopendir(directory);
    if (!listing) {
        close(directory);
        return;
    }
    for (struct dirent *entry; (entry = readdir(listing));) {
        const char *name = entry->d_name;
        struct stat info;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || info.st_dev != device)
            continue;
        if (S_ISDIR(info.st_mode)) {
            int below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below >= 0)
                root_empty(below, device);
        }
        unlinkat(directory, name, S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0);
    }
    closedir(listing);
}
