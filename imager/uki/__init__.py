"""The unified kernel image: one EFI program of stub, kernel and segments."""
