/* Files with holes: they are packed as their data only. */
#ifndef CLAYLINUX_SPARSE_H
#define CLAYLINUX_SPARSE_H

/* Give the files that the open `file` lists their size and holes, and close it. Records of path\0, then as
 * uint64, little endian: size, number of ranges, and position and length of each. The data of all ranges is at
 * the start of the file. A file that has its size already is left alone. */
void sparse_restore(int file);

#endif
