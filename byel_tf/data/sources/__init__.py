"""The layouts in which users hold images, one file each."""
