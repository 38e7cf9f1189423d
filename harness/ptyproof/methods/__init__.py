"""Reconstruction methods: those that ptyproof has, those that others register, and the data that they see."""
