#define _GNU_SOURCE
#include "stages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "listing.h"
#include "message.h"

void stages_remove(int file)
{
    struct listing list;
    int failed = 0;
    const char *path;
    listing_open(&list, file, "removed files");
    while ((path = listing_text(&list)))
        if (remove(path) < 0 && errno != ENOENT && failed++ < 5)
            say("cannot remove %s, which a stage of the system removed: %s", path, strerror(errno));
    listing_close(&list);
}

void stages_set_times(int file)
{
    struct listing list;
    const char *path;
    uint64_t seconds;
    listing_open(&list, file, "times");
    while ((path = listing_text(&list)) && listing_number(&list, 8, &seconds)) {
        struct timespec time = {.tv_sec = (time_t)seconds};
        struct timespec times[2] = {time, time};
        if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
            debug("cannot set the time of %s: %s", path, strerror(errno));
    }
    listing_close(&list);
}
