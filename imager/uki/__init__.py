"""The unified kernel image: one EFI program made of stub, kernel and segments."""
