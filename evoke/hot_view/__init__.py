"""Jobs folded in memory from the tails of the topics: what the API answers from."""

from evoke.hot_view.follower import Follower
from evoke.hot_view.hot_job import HotJob, Seen, Stage
from evoke.hot_view.letters import Letter
from evoke.hot_view.view import HotView
from evoke.hot_view.watchers import Watcher

__all__ = ["Follower", "HotJob", "HotView", "Letter", "Seen", "Stage", "Watcher"]
