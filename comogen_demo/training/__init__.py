"""Training: the embedded model in its stages, folders of clips (data/), the control of any backbone (control/)."""
