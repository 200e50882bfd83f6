#define _GNU_SOURCE
#include "listing.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

void listing_open(struct listing *list, int file, const char *about)
{
    struct stat info;
    *list = (struct listing){NULL, NULL, NULL};
    if (file < 0 || fstat(file, &info) < 0 || info.st_size == 0) {
        if (file >= 0)
            close(file);
        return;
    }
    size_t size = (size_t)info.st_size;
    const char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (data == MAP_FAILED)
        say("cannot read the list of %s: %s", about, strerror(errno));
    else
        *list = (struct listing){data, data, data + size};
}

const char *listing_text(struct listing *list)
{
    const char *text = list->at;
    const char *nul = text ? memchr(text, '\0', (size_t)(list->end - text)) : NULL;
    list->at = nul ? nul + 1 : list->end;
    return nul ? text : NULL;
}

const char *listing_bytes(struct listing *list, uint64_t length)
{
    const char *bytes = list->at;
    if ((uint64_t)(list->end - bytes) < length) {
        list->at = list->end;
        return NULL;
    }
    list->at = bytes + length;
    return bytes;
}

bool listing_number(struct listing *list, size_t length, uint64_t *number)
{
    const char *bytes = listing_bytes(list, length);
    *number = 0;
    for (size_t i = 0; bytes && i < length; i++)
        *number |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
    return bytes;
}

void listing_close(struct listing *list)
{
    if (list->data)
        munmap((void *)list->data, (size_t)(list->end - list->data));
}
