/* Lists from the imager for init: sequences of texts and numbers. */
#ifndef CLAYLINUX_LISTING_H
#define CLAYLINUX_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listing {
    const char *data;
    const char *at; /* the next item, or `end` if the list has ended or is damaged */
    const char *end;
};

/* Map the open `file`, and close it. A list that cannot be read counts as empty, with a message about `about`. */
void listing_open(struct listing *list, int file, const char *about);

/* Return the next text, which ends with NUL, or NULL if there is none. */
const char *listing_text(struct listing *list);

/* Return the next `length` bytes, or NULL if there are fewer. */
const char *listing_bytes(struct listing *list, uint64_t length);

/* Read the next number of `length` bytes, little endian; return false if there is none. */
bool listing_number(struct listing *list, size_t length, uint64_t *number);

void listing_close(struct listing *list);

#endif
