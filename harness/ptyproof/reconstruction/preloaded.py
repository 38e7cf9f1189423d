"""Importing this imports pty-chi where it is installed: the server of processes can only be told what to import."""

from __future__ import annotations

from ptyproof.reconstruction.iterative import preload

preload()
