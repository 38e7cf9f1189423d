"""Incoherent modes of a probe: the same light in other modes, orthogonal and by falling power.

Modes P_m add up in intensity, I = sum_m |F(P_m O)|^2. With a unitary matrix U the modes sum_k U_mk P_k give the same I
for every object O. The matrix of the left singular vectors of the modes gives orthogonal ones (Thibault & Menzel,
Nature 494, 68, 2013; the coherent modes of Wolf, J. Opt. Soc. Am. 72, 343, 1982).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptyproof.errors import InputError


def orthogonal_modes(modes: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    """Return orthogonal modes that illuminate as the given ones do, by falling power.

    The eigenvectors are those of the P x P matrix of inner products, in double precision. The phase of each mode is
    such that the given mode which contributes most to it does so with a real factor above 0, so a set that is
    orthogonal already comes back as it is.

    Parameters
    ----------
    modes
        (P, H, W) complex.

    Returns
    -------
    (P, H, W) of the same dtype: sum conj(P_m) P_n = 0 for m != n, and sum_m |F(P_m O)|^2 unchanged for every O.

    Raises
    ------
    InputError
        For another number of axes, or values that are not finite.
    """
    if modes.ndim != 3 or 0 in modes.shape or not np.all(np.isfinite(modes)):
        raise InputError(f"modes must be finite and have the shape (P, H, W), got {modes.shape}")
    flat = modes.reshape(len(modes), -1).astype(np.complex128)
    _, vectors = np.linalg.eigh(flat @ flat.conj().T)
    mixing = vectors[:, ::-1].conj().T  # rows by falling eigenvalue, which is the power
    largest = mixing[np.arange(len(mixing)), np.argmax(np.abs(mixing), axis=1)]
    mixing *= (np.abs(largest) / largest)[:, None]
    return np.asarray((mixing @ flat).reshape(modes.shape), dtype=modes.dtype)
