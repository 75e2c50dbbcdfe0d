"""How long ended executions are kept."""

from __future__ import annotations

from config.readers import env_int, env_list, env_seconds

# Days for which an execution is kept after its end; 0 is for ever. Default: 0.
LEVANTE_KEEP_DAYS = env_seconds("LEVANTE_KEEP_DAYS", 0)
# Ended root executions that are kept, the newest ones; 0 is all of them. Default: 0.
LEVANTE_KEEP_EXECUTIONS = env_int("LEVANTE_KEEP_EXECUTIONS", 0)
# States whose executions are kept in any case, such as ERROR, separated by commas. Default: none.
LEVANTE_EXPIRE_SPARED = env_list("LEVANTE_EXPIRE_SPARED", [])
# Seconds between two looks for what is too old. Default: 60.
LEVANTE_EXPIRE_SECONDS = env_seconds("LEVANTE_EXPIRE_SECONDS", 60)
# Executions that one transaction deletes at most. Default: 50.
LEVANTE_EXPIRE_BATCH = env_int("LEVANTE_EXPIRE_BATCH", 50, minimum=1)
