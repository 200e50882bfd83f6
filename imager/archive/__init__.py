"""Streams: cpio, tar, squashfs and their compression."""
