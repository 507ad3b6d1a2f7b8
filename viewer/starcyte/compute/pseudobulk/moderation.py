"""Moderated t-statistics, as limma's ``eBayes`` (Smyth 2004, doi:10.2202/1544-6115.1027)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.linear_model import Fit

_NEWTON_STEPS = 50
_NEWTON_TOLERANCE = 1e-8
# the smallest variance, relative to the median: log variances of 0 are infinite
_SMALLEST = 1e-5
_SPLINE_DF = 4
# so many different values of the covariate for one more degree of freedom of the trend each
_FEWEST_FOR_DF = (3, 6, 30)


@dataclass(frozen=True, eq=False)
class Prior:
    """The prior distribution of the genes' variances: s0² d0 / chi²(d0).

    Parameters
    ----------
    df
        Its degrees of freedom d0; infinite if the variances do not differ.
    variance
        s0², one number, or one for each gene along a trend.
    """

    df: float
    variance: NDArray[np.float64] | float


@dataclass(frozen=True, eq=False)
class Moderated:
    """Moderated statistics of one coefficient; arrays of shape (genes,).

    Parameters
    ----------
    t
        The moderated t-statistic.
    p_value
        Two-sided.
    df
        Degrees of freedom of the t-statistic.
    prior
        The prior of the variances.
    """

    t: NDArray[np.float64]
    p_value: NDArray[np.float64]
    df: float
    prior: Prior


def moderate(fit: Fit, coefficient: int, trend: bool = False) -> Moderated:
    """Return the moderated t-statistics of a coefficient.

    Parameters
    ----------
    fit
        The fits; at least 1 residual degree of freedom.
    coefficient
        The column of the design.
    trend
        Whether the prior variance follows the mean expression (limma-trend).
    """
    from scipy.special import stdtr

    prior = prior_of_variances(fit.variance, fit.df, fit.mean if trend else None)
    if np.isinf(prior.df):
        posterior = np.broadcast_to(prior.variance, fit.variance.shape)
    else:
        posterior = (fit.df * fit.variance + prior.df * prior.variance) / (fit.df + prior.df)
    df = min(fit.df + prior.df, fit.df * fit.variance.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = fit.coefficients[:, coefficient] / fit.unscaled[:, coefficient] / np.sqrt(posterior)
    return Moderated(t, 2 * stdtr(df, -np.abs(t)), float(df), prior)


def prior_of_variances(variance: NDArray[np.float64], df: int, covariate: NDArray[np.float64] | None = None) -> Prior:
    """Estimate the prior from the variances by their moments on the log scale, as limma's ``fitFDist``.

    Parameters
    ----------
    variance
        Shape (genes,).
    df
        Degrees of freedom of each.
    covariate
        What the prior variance depends on by a natural spline, shape (genes,); None: it is the same for all.
    """
    from scipy.special import digamma, polygamma

    if variance.size < 2:
        return Prior(0.0, variance)
    x = np.maximum(variance, 0.0)
    median = np.median(x)
    x = np.maximum(x, _SMALLEST * (median if median > 0 else 1.0))
    e = np.log(x) - digamma(df / 2) + np.log(df / 2)
    trend_df = 0 if covariate is None else _spline_df(covariate)
    if covariate is None or trend_df < 2:
        mean: NDArray[np.float64] | float = float(e.mean())
        spread = ((e - mean) ** 2).sum() / (e.size - 1)
    else:
        basis = natural_spline(covariate, trend_df)
        q, _ = np.linalg.qr(basis)
        mean = np.asarray(q @ (q.T @ e))
        spread = ((e - mean) ** 2).sum() / max(e.size - basis.shape[1], 1)
    spread -= float(polygamma(1, df / 2))
    if spread > 0:
        prior_df = 2 * inverse_trigamma(float(spread))
        return Prior(prior_df, np.exp(mean + digamma(prior_df / 2) - np.log(prior_df / 2)))
    return Prior(np.inf, float(x.mean()) if isinstance(mean, float) else np.exp(mean))


def inverse_trigamma(x: float) -> float:
    """Return y with trigamma(y) = x, by Newton's method as limma's ``trigammaInverse``."""
    from scipy.special import polygamma

    if x > 1e7:
        return float(1 / np.sqrt(x))
    if x < 1e-6:
        return 1 / x
    y = 0.5 + 1 / x
    for _ in range(_NEWTON_STEPS):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1 - trigamma / x) / float(polygamma(2, y))
        y += step
        if -step / y < _NEWTON_TOLERANCE:
            break
    return y


def _spline_df(covariate: NDArray[np.float64]) -> int:
    n = covariate.size
    return min(1 + sum(n >= fewest for fewest in _FEWEST_FOR_DF), np.unique(covariate).size)


def natural_spline(x: NDArray[np.float64], df: int) -> NDArray[np.float64]:
    """Return a basis of the natural cubic splines with knots at quantiles, as R's ``ns(x, df, intercept=TRUE)``.

    The basis is another one (truncated powers), of the same space: fitted values are the same.

    Parameters
    ----------
    x
        Shape (n,).
    df
        The number of basis functions, at least 2; fewer if quantiles are equal.

    Returns
    -------
    ndarray of float64
        Shape (n, df).
    """
    knots = np.unique(np.quantile(x, np.linspace(0, 1, df)))
    z, at = ((values - knots[0]) / (knots[-1] - knots[0]) for values in (x, knots))

    def truncated(k: int) -> NDArray[np.float64]:
        value = np.maximum(z - at[k], 0) ** 3 - np.maximum(z - at[-1], 0) ** 3
        return np.asarray(value / (at[-1] - at[k]))

    last = truncated(at.size - 2)
    return np.column_stack([np.ones_like(z), z, *(truncated(k) - last for k in range(at.size - 2))])
