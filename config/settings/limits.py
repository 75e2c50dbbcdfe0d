"""How large what users send may be."""

from __future__ import annotations

from config.readers import env_int, env_seconds

# Bytes of the text of one definition. Default: 1 MB.
LEVANTE_MAX_DEFINITION_BYTES = env_int("LEVANTE_MAX_DEFINITION_BYTES", 1_000_000)
# Bytes of one JSON value: an input, an output, a published value, an environment. Default: 1 MB.
LEVANTE_MAX_FIELD_BYTES = env_int("LEVANTE_MAX_FIELD_BYTES", 1_000_000)
# Bytes of the body of one request. Default: 2 MB.
LEVANTE_MAX_BODY_BYTES = env_int("LEVANTE_MAX_BODY_BYTES", 2_000_000)
# Rows on one page of a list. Default: 1000.
LEVANTE_PAGE_LIMIT = env_int("LEVANTE_PAGE_LIMIT", 1_000, minimum=1)

# Parsed definitions that a process keeps. Default: 500.
LEVANTE_SPEC_CACHE_SIZE = env_int("LEVANTE_SPEC_CACHE_SIZE", 500, minimum=1)
# Seconds that one transaction of the engine may go on to start what needs no worker, before it
# lets others have the execution. Default: 0.1.
LEVANTE_ADVANCE_SECONDS = env_seconds("LEVANTE_ADVANCE_SECONDS", 0.1)

# The API reads and limits its bodies itself; this one is for the forms of the admin pages.
DATA_UPLOAD_MAX_MEMORY_SIZE = LEVANTE_MAX_BODY_BYTES
