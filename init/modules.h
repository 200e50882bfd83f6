/* Kernel modules that the layers need. */
#ifndef CLAYLINUX_MODULES_H
#define CLAYLINUX_MODULES_H

/* Load every file of the directory `folder`, by name: the imager put them there in the right order. */
void modules_load(const char *folder);

#endif
