"""Text to sound and to music with models in the layouts of AudioCraft: AudioGen and MusicGen."""
