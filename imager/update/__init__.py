"""What machines fetch to update themselves: an index of the pieces of a unified kernel image, and the pieces."""
