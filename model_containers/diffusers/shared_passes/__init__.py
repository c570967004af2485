"""Step-level batching: runs that are under way at the same time share the forward passes of their denoiser.

Each run makes its pictures by diffusers' own pipeline, on its own thread, with two parts replaced: the denoiser, whose
calls wait until they are served together with those of other runs (`passes.py`), and the VAE, which decodes one
picture at a time. So schedulers, guidance and everything else stay diffusers' own, and a run can join and leave at
every step.
"""
