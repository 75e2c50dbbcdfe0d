"""Actions: their times and limits."""

from __future__ import annotations

from config.readers import env_bool, env_int, env_seconds

# Seconds that an action may run if its task has no timeout. Default: 1 hour.
LEVANTE_ACTION_TIMEOUT = env_seconds("LEVANTE_ACTION_TIMEOUT", 3600)
# Seconds for which a finished action tries to store its result while the database is away.
# Default: 10 minutes.
LEVANTE_RECORD_SECONDS = env_seconds("LEVANTE_RECORD_SECONDS", 600)
# Seconds for which a worker goes on with the actions of one execution, or with the items of one
# task, before it lets others have a turn. Default: 0.5.
LEVANTE_TURN_SECONDS = env_seconds("LEVANTE_TURN_SECONDS", 0.5)
# Actions of one target that are sent at once when more than that become ready in one execution.
# Workers take the others as they end these, and the sweep sends as many again after a while.
# Default: 64.
LEVANTE_ACTIONS_SENT = env_int("LEVANTE_ACTIONS_SENT", 64, minimum=1)
# Runs of single actions may be deleted. Default: on.
LEVANTE_ALLOW_ACTION_DELETION = env_bool("LEVANTE_ALLOW_ACTION_DELETION", default=True)
# Levels to which a value may be nested. Default: 64.
LEVANTE_MAX_DEPTH = env_int("LEVANTE_MAX_DEPTH", 64, minimum=1)
