"""Training clips on disk (video, masks, caption), and where they come from. Without torch."""
