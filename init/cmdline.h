/* The kernel's command line, up to a word `--`; the rest belongs to the OS's init. */
#ifndef CLAYLINUX_CMDLINE_H
#define CLAYLINUX_CMDLINE_H

#include <stdbool.h>

/* Read /proc/cmdline once. Until then, or without /proc, the command line counts as empty. */
void cmdline_read(void);

/* Return whether the command line contains this word. */
bool cmdline_has(const char *word);

/* Return the value of the last `key=value`, or NULL. */
const char *cmdline_value(const char *key);

#endif
