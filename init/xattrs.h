/* Extended attributes (file capabilities, ACLs): cpio cannot carry them, so a file beside the tree does. */
#ifndef CLAYLINUX_XATTRS_H
#define CLAYLINUX_XATTRS_H

/* Set what the open `file` lists, and close it: records of path\0 name\0 length (uint32, little endian) value. */
void xattrs_restore(int file);

#endif
