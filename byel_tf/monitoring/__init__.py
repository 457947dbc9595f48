"""What TensorBoard shows of a run. Nothing here changes what is learned."""
