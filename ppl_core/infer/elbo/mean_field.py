"""TraceMeanField_ELBO: the ELBO with the guide's divergence from the prior in closed form."""

from typing import Any

import torch
from torch import Tensor

from ...distributions import kl_divergence
from ...effects import Site, scale_and_mask
from ...errors import GuideError
from ...handlers import is_latent
from .base import ELBO, Program, log_prob_of_draw, run_pair, total_log_prob


class TraceMeanField_ELBO(ELBO):
    """Minus the ELBO, with KL(q || p) per site where it is known, else estimated from the draw.

    Right for guides whose sites do not depend on each other; only the likelihood is then noisy.

    Raises:
        GuideError: the guide draws a site without gradients.
    """

    def _estimate(
        self, model: Program, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        guide_sites, model_sites = run_pair(model, guide, args, kwargs)
        loss = torch.zeros(())
        for site in model_sites.samples():
            if is_latent(site) and site.name in guide_sites:
                loss = loss + _divergence(guide_sites[site.name], site)
            else:
                loss = loss - total_log_prob(site)
        for site in guide_sites.samples():
            if site.name not in model_sites:
                loss = loss + log_prob_of_draw(site)
        return loss


def _divergence(guide_site: Site, model_site: Site) -> Tensor:
    if not guide_site.fn.has_rsample:
        raise GuideError(
            f"TraceMeanField_ELBO: the guide's {guide_site.name!r} is drawn from "
            f"{type(guide_site.fn).__name__}, which carries no gradients. Use Trace_ELBO or "
            f"TraceGraph_ELBO, or enumerate it with TraceEnum_ELBO."
        )
    try:
        divergence = kl_divergence(guide_site.fn, model_site.fn)
    except NotImplementedError:
        return log_prob_of_draw(guide_site) - total_log_prob(model_site)
    return scale_and_mask(divergence, guide_site.scale, guide_site.mask).sum()
