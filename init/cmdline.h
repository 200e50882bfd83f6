/* The kernel's command line, up to a word `--`: what follows that belongs to the OS's init. */
#ifndef CLAYLINUX_CMDLINE_H
#define CLAYLINUX_CMDLINE_H

#include <stdbool.h>

/* Read /proc/cmdline once; before, and without /proc, the command line counts as empty. */
void cmdline_read(void);

/* Whether the word stands alone on the command line. */
bool cmdline_has(const char *word);

/* The value of the last `key=value`, or NULL. */
const char *cmdline_value(const char *key);

#endif
