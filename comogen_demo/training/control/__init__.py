"""Training of the mask control on any backbone: adapter first, then adapter and LoRA (CoMoGen, Sec. 4.2, App. A)."""
