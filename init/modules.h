/* Kernel modules that the layers, or disks, need. */
#ifndef CLAYLINUX_MODULES_H
#define CLAYLINUX_MODULES_H

/* Load every file in the directory `path`, sorted by name; the imager chose the names accordingly. */
void modules_load(const char *path);

/* Load a file in the open `directory`, unless that was tried before, and remove it. Not every machine takes every module. */
void modules_try(int directory, const char *name);

#endif
