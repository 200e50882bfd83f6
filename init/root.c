#define _GNU_SOURCE
#include "root.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

/* Every system needs this directory, and nothing is in it yet: the bind mount leaves no trace there. */
#define STAGE "/run"

void root_switch(void)
{
    mkdir(STAGE, 0755);
    if (mount("/", STAGE, NULL, MS_BIND, NULL) < 0)
        fail("cannot bind the root to " STAGE);
    if (mount("/dev", STAGE "/dev", NULL, MS_MOVE, NULL) < 0)
        fail("cannot move /dev to the new root");
    if (chdir(STAGE) < 0)
        fail("cannot enter the new root");
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
        fail("cannot move the new root to /");
    if (chroot(".") < 0 || chdir("/") < 0)
        fail("cannot change to the new root");
}
