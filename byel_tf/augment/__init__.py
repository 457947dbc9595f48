"""Two-view augmentation policies as pure functions of (images, uniforms)."""
