"""Actions: which there are, their times and limits."""

from __future__ import annotations

from config.readers import env_bool, env_int, env_list, env_seconds, env_text

# --- Which actions there are ----------------------------------------------------------------------

# Names or patterns, such as std.*, of the only actions that may be used, separated by commas. As in
# Mistral, the list of denied ones does not count beside it. Ad-hoc actions need no mention: what
# they are made from does. Default: all.
LEVANTE_ALLOWED_ACTIONS = env_list("LEVANTE_ALLOWED_ACTIONS", [])
# Names or patterns of actions that may not be used. Default: none.
LEVANTE_DENIED_ACTIONS = env_list("LEVANTE_DENIED_ACTIONS", [])
# Names or patterns of actions that are off by default and may be run: std.email, std.ssh,
# std.ssh_proxied, std.javascript, std.js. With @ and the id of a project they may be run by that
# project alone. Default: none.
LEVANTE_ENABLED_ACTIONS = env_list("LEVANTE_ENABLED_ACTIONS", [])
# Python modules with actions of your own, beside those of installed packages. Default: none.
LEVANTE_ACTION_MODULES = env_list("LEVANTE_ACTION_MODULES", [])
# Administrators may store Python code, whose classes are actions (code sources, dynamic actions).
# It runs in the workers with all their rights, without any isolation. Default: off.
LEVANTE_DYNAMIC_ACTIONS = env_bool("LEVANTE_DYNAMIC_ACTIONS", default=False)
# Seconds that a request waits for a worker to run such an action, if it asks for the result at once
# and names no timeout. Default: 30.
LEVANTE_CODE_WAIT_SECONDS = env_seconds("LEVANTE_CODE_WAIT_SECONDS", 30)
# Names or patterns of Celery tasks that workflows may run as celery.NAME, with @ and the id of a
# project by that project alone. Default: none.
LEVANTE_CELERY_TASKS = env_list("LEVANTE_CELERY_TASKS", [])
# The queue of such a task if neither the task nor its workflow names one. Default: Celery's own.
LEVANTE_CELERY_QUEUE = env_text("LEVANTE_CELERY_QUEUE", "celery")
# Seconds after which a Celery task without a result is given up, if its workflow sets no timeout.
# Default: 1 day.
LEVANTE_CELERY_SECONDS = env_seconds("LEVANTE_CELERY_SECONDS", 86_400)
# Seconds after which the result of a Celery task is looked for, should its message be lost; the gap
# doubles each time, up to the second number. Defaults: 5 and 60.
LEVANTE_CELERY_LOOK_SECONDS = env_seconds("LEVANTE_CELERY_LOOK_SECONDS", 5, minimum=0.1)
LEVANTE_CELERY_LONGEST_LOOK_SECONDS = env_seconds("LEVANTE_CELERY_LONGEST_LOOK_SECONDS", 60)
# A cancelled Celery task that runs already is ended with its process. Celery may hit another task
# with that, which is why it is off. A task that waits in its queue is always revoked. Default: off.
LEVANTE_CELERY_TERMINATE = env_bool("LEVANTE_CELERY_TERMINATE", default=False)

# --- Times and limits -----------------------------------------------------------------------------

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
# Seconds that an action may take that somebody tries on its page; it runs in the web process.
# Default: 20.
LEVANTE_TRY_SECONDS = env_seconds("LEVANTE_TRY_SECONDS", 20)
# Levels to which a value may be nested. Default: 64.
LEVANTE_MAX_DEPTH = env_int("LEVANTE_MAX_DEPTH", 64, minimum=1)
