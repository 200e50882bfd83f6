/* Kernel modules that the layers need. */
#ifndef CLAYLINUX_MODULES_H
#define CLAYLINUX_MODULES_H

/* Load every file in the directory `path`, sorted by name; the imager chose the names accordingly. */
void modules_load(const char *path);

#endif
