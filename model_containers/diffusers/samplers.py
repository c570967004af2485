"""The samplers by name: which diffusers scheduler each one is, and how it is made from a checkpoint's own.

The noise schedule belongs to the checkpoint, everything else to the sampler. So only the keys of the noise
schedule are taken over: a checkpoint that names, say, Karras sigmas for its own sampler does not change what
`euler` means. A scheduler is made anew for each group of pictures, so no state passes from one to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOISE_SCHEDULE = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "timestep_spacing",
    "steps_offset",
    "set_alpha_to_one",
    "rescale_betas_zero_snr",
    "thresholding",
    "dynamic_thresholding_ratio",
    "sample_max_value",
)
"""Keys of a scheduler's config that say how the checkpoint was trained."""


@dataclass(frozen=True)
class Sampler:
    """One sampler. scheduler: class in diffusers; title: as the web UIs write it into pictures; changes: config."""

    scheduler: str
    title: str
    changes: Mapping[str, Any] = field(default_factory=dict)


# Latents are not pixels: they must not be clipped to [-1, 1], which these classes do unless told otherwise.
_UNCLIPPED = {"clip_sample": False}

SAMPLERS: Mapping[str, Sampler] = {
    "euler": Sampler("EulerDiscreteScheduler", "Euler"),
    "euler_a": Sampler("EulerAncestralDiscreteScheduler", "Euler a"),
    "ddim": Sampler("DDIMScheduler", "DDIM", _UNCLIPPED),
    "ddpm": Sampler("DDPMScheduler", "DDPM", _UNCLIPPED),
    "pndm": Sampler("PNDMScheduler", "PLMS", {"skip_prk_steps": True}),
    "heun": Sampler("HeunDiscreteScheduler", "Heun", _UNCLIPPED),
    "lms": Sampler("LMSDiscreteScheduler", "LMS"),
    "dpm2": Sampler("KDPM2DiscreteScheduler", "DPM2"),
    "dpm2_a": Sampler("KDPM2AncestralDiscreteScheduler", "DPM2 a"),
    "dpm++_2m": Sampler("DPMSolverMultistepScheduler", "DPM++ 2M"),
    "dpm++_2m_karras": Sampler("DPMSolverMultistepScheduler", "DPM++ 2M Karras", {"use_karras_sigmas": True}),
    "dpm++_2m_sde": Sampler(
        "DPMSolverMultistepScheduler", "DPM++ 2M SDE", {"algorithm_type": "sde-dpmsolver++"}
    ),
    "dpm++_2s": Sampler("DPMSolverSinglestepScheduler", "DPM++ 2S", {"lower_order_final": True}),
    "unipc": Sampler("UniPCMultistepScheduler", "UniPC"),
    "deis": Sampler("DEISMultistepScheduler", "DEIS"),
    "lcm": Sampler("LCMScheduler", "LCM", _UNCLIPPED),
    "tcd": Sampler("TCDScheduler", "TCD", _UNCLIPPED),
    "sasolver": Sampler("SASolverScheduler", "SA Solver"),
}

FLOW_SAMPLERS: Mapping[str, Sampler] = {"euler": Sampler("FlowMatchEulerDiscreteScheduler", "Euler")}
"""What a checkpoint trained by flow matching (Stable Diffusion 3, Flux) can be sampled with."""


def is_flow(config: Mapping[str, Any]) -> bool:
    """Tell whether the config of a checkpoint's scheduler is one of flow matching."""
    return "FlowMatch" in str(config.get("_class_name", ""))


def samplers_for(config: Mapping[str, Any]) -> Mapping[str, Sampler]:
    """The samplers that fit a checkpoint whose scheduler has this config."""
    return FLOW_SAMPLERS if is_flow(config) else SAMPLERS


def own_sampler(config: Mapping[str, Any]) -> str:
    """The name of the sampler that the checkpoint's own scheduler is; `euler` where it has none of ours."""
    wanted = config.get("_class_name")
    karras = bool(config.get("use_karras_sigmas"))
    names = [name for name, sampler in samplers_for(config).items() if sampler.scheduler == wanted]
    return next((name for name in names if name.endswith("_karras") == karras), "euler")


def scheduler_config(sampler: Sampler, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a new scheduler for this sampler over the noise schedule of a checkpoint's `config`."""
    if is_flow(config):
        return dict(config)
    unset = set(config.get("_use_default_values", ()))
    schedule = {key: config[key] for key in NOISE_SCHEDULE if key in config and key not in unset}
    return {**schedule, **sampler.changes}


def make_scheduler(name: str, config: Mapping[str, Any]) -> Any:
    """Make a fresh scheduler of that name from the config of a checkpoint's own. Raises KeyError on an unknown name."""
    import diffusers

    sampler = samplers_for(config)[name]
    return getattr(diffusers, sampler.scheduler).from_config(scheduler_config(sampler, config))
