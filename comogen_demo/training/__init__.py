"""Training of the embedded model: data, VAE, transformer with control, and the stages that tie them together."""
