/* A layer of a disk in memory, so that the disk is not needed any more. */
#ifndef CLAYLINUX_COPY_H
#define CLAYLINUX_COPY_H

/* Copy the opened device of layer `number` to the new file `path`. Fails if there is too little memory, or if what is on
 * the disk is damaged. */
void copy_layer(int device, int number, const char *path);

#endif
