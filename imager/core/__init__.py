"""What every room uses: errors, times, output files, tools of the image, processors."""
