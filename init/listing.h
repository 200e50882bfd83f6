/* Lists that the imager leaves for init: texts and numbers one after the other. */
#ifndef CLAYLINUX_LISTING_H
#define CLAYLINUX_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listing {
    const char *data;
    const char *at; /* what comes next; `end` when the list is at its end, or damaged */
    const char *end;
};

/* Map the open `file`, and close it. A list that cannot be read counts as empty; `about` says so. */
void listing_open(struct listing *list, int file, const char *about);

/* The next text, which ends with NUL; NULL when there is none. */
const char *listing_text(struct listing *list);

/* The next `length` bytes; NULL when there are fewer. */
const char *listing_bytes(struct listing *list, uint64_t length);

/* The next number of `length` bytes, little endian; false when there is none. */
bool listing_number(struct listing *list, size_t length, uint64_t *number);

void listing_close(struct listing *list);

#endif
