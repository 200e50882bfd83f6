/* The remaining work after the kernel unpacked the stages of a system on top of each other. */
#ifndef CLAYLINUX_STAGES_H
#define CLAYLINUX_STAGES_H

/* Remove the paths in the open `file`, each terminated by NUL, children first; close it. */
void stages_remove(int file);

/* Set the times of directories from the open `file`, records of path\0 seconds (int64, little endian); close it. */
void stages_set_times(int file);

#endif
