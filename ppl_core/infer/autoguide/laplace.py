"""AutoLaplaceApproximation: a normal at the posterior's peak, as curved as the peak is."""

from typing import Any

import torch
from torch import Tensor

from ...distributions import Delta
from ...errors import GuideError, InferenceError, listing
from ...handlers import replay, substitute, trace
from ...values import validation
from .continuous import AutoContinuous
from .gaussian import AutoMultivariateNormal
from .guide import First


class AutoLaplaceApproximation(AutoContinuous):
    """Climb to the peak in unconstrained space, then ask for the normal that fits it there.

        guide = AutoLaplaceApproximation(model)
        ...                                           # train it with SVI
        normal = guide.laplace_approximation(*args)   # an AutoMultivariateNormal, not to be trained

    Until then the guide is a point, "AutoLaplaceApproximation.loc". Exact for normal posteriors.

    Source: Bishop 2006, Pattern Recognition and Machine Learning, sec. 4.4.
    """

    def _first_values(self) -> dict[str, First]:
        return {"loc": First(self._init_loc())}

    def get_posterior(self, *args: Any, **kwargs: Any) -> Any:
        """All mass on the current point, event_shape (latent_dim,)."""
        return Delta(self._param("loc"), event_dim=1)

    def _marginal_quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not bool((levels == 0.5).all()):
            raise GuideError(
                "AutoLaplaceApproximation is a point so far and has no quantiles but the median: "
                "ask the guide that its laplace_approximation(...) returns"
            )
        return self._value("loc").expand(len(levels), -1)

    def laplace_approximation(self, *args: Any, **kwargs: Any) -> AutoMultivariateNormal:
        """The normal whose mean is the current point and whose precision is the curvature there.

        Its parameters are fixed: they stand in no store and no training moves them.

        Raises:
            InferenceError: the curvature is not positive, so this is no peak (yet).
        """
        self._look_at_model(args, kwargs)
        point = self._value("loc").detach()
        hessian = torch.autograd.functional.hessian(
            lambda loc: self._energy(loc, args, kwargs), point
        )
        factor, failed = torch.linalg.cholesky_ex(hessian)
        if int(failed):
            curvature = torch.linalg.eigvalsh(hessian)[0].item()
            raise InferenceError(
                f"laplace_approximation: the posterior does not curve downward in every direction "
                f"at the current point (smallest curvature {curvature:.3g}), so it is no peak. "
                f"Train the guide longer, or give flat directions a prior. Latent sites: "
                f"{listing(self._latents)}."
            )
        covariance = torch.cholesky_inverse(factor)
        scale = covariance.diagonal().sqrt()
        correlation = covariance / scale / scale.unsqueeze(-1)
        normal = AutoMultivariateNormal(
            self.model, self.init_loc_fn, create_plates=self.create_plates
        )
        normal._latents, normal._rows = self._latents, self._rows
        normal.prototype_trace = self.prototype_trace
        tril = torch.linalg.cholesky(correlation)
        normal._fixed = {"loc": point.clone(), "scale": scale, "scale_tril": tril}
        return normal

    def _energy(self, loc: Tensor, args: Any, kwargs: Any) -> Tensor:
        """Minus the log joint of the model in unconstrained coordinates, in nats."""
        with validation(False), substitute(data={f"{self.prefix}.loc": loc}):
            with trace() as guide_sites:
                self(*args, **kwargs)
            with trace() as model_sites, replay(trace=guide_sites):
                self.model(*args, **kwargs)
        return guide_sites.log_prob_sum() - model_sites.log_prob_sum()
