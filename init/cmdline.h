/* The kernel's command line, up to a word `--`; the rest belongs to the OS's init. */
#ifndef CLAYLINUX_CMDLINE_H
#define CLAYLINUX_CMDLINE_H

#include <stdbool.h>

/* Read /proc/cmdline once. Until then, or without /proc, the command line counts as empty. `only`, unless it is NULL, is
 * the one whose words count instead. */
void cmdline_read(const char *only);

/* Return the first word at which /proc/cmdline differs from `only`, in any part of it, or NULL if both are alike. */
const char *cmdline_difference(void);

/* Return whether the command line contains this word. */
bool cmdline_has(const char *word);

/* Return the value of the last `key=value`, or NULL. */
const char *cmdline_value(const char *key);

#endif
