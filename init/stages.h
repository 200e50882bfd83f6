/* What is left to do when the stages of a system were unpacked over each other. */
#ifndef CLAYLINUX_STAGES_H
#define CLAYLINUX_STAGES_H

/* Remove the paths that the open `file` lists, each ended by NUL, children first; close it. */
void stages_remove(int file);

/* Give directories the times that the open `file` lists: records of path\0 seconds (int64, little endian); close it. */
void stages_date(int file);

#endif
