"""The gamma law of mean 1: by how much mice, dendrites and neurons differ."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.special import gammaincinv

__all__ = ["gamma_nodes", "gamma_quantile"]

Array = NDArray[np.float64]


def gamma_quantile(u: Array, cv: float) -> Array:
    """Quantiles of the gamma distribution with mean 1 and coefficient of variation ``cv``."""
    if cv == 0:
        return np.ones_like(u)
    shape = cv**-2
    quantile: Array = gammaincinv(shape, u) / shape
    return quantile


def gamma_nodes(cv: float, n: int) -> tuple[Array, Array]:
    """Gauss-Laguerre nodes and weights (n,) of the gamma distribution with mean 1 and coefficient of variation ``cv``.

    They are eigenvalues and eigenvectors of the Jacobi matrix (Golub and Welsch 1969,
    doi:10.1090/S0025-5718-69-99647-1), which stay finite where the weights of tables overflow (small ``cv``).
    """
    shape, k = cv**-2, np.arange(n)
    nodes, vectors = eigh_tridiagonal(2 * k + shape, np.sqrt(k[1:] * (k[1:] + shape - 1.0)))
    return nodes / shape, vectors[0] ** 2
