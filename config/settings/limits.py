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

# Root executions that run at once; others are accepted and wait, each project has its turn. 0 is
# no limit. Default: 0.
LEVANTE_MAX_RUNNING = env_int("LEVANTE_MAX_RUNNING", 0)
# Elements of the lists of one with-items task. Default: 100,000.
LEVANTE_MAX_ITEMS = env_int("LEVANTE_MAX_ITEMS", 100_000, minimum=1)
# Tasks of one execution, its loops unrolled. Default: 25,000.
LEVANTE_MAX_TASKS = env_int("LEVANTE_MAX_TASKS", 25_000, minimum=1)
# Runs of one task in one execution, which ends loops that go on for ever. Default: 1,000.
LEVANTE_MAX_VISITS = env_int("LEVANTE_MAX_VISITS", 1_000, minimum=1)
# Levels of sub-workflows. Default: 32.
LEVANTE_MAX_WORKFLOW_DEPTH = env_int("LEVANTE_MAX_WORKFLOW_DEPTH", 32)
# Retries of one task. Default: 1,000.
LEVANTE_MAX_RETRIES = env_int("LEVANTE_MAX_RETRIES", 1_000)
# Characters of `state_info`; what is longer is cut. Default: 65,536.
LEVANTE_MAX_INFO_LENGTH = env_int("LEVANTE_MAX_INFO_LENGTH", 65_536, minimum=100)

# Parsed definitions that a process keeps. Default: 500.
LEVANTE_SPEC_CACHE_SIZE = env_int("LEVANTE_SPEC_CACHE_SIZE", 500, minimum=1)
# Seconds that one transaction of the engine may go on to start what needs no worker, before it
# lets others have the execution. Default: 0.1.
LEVANTE_ADVANCE_SECONDS = env_seconds("LEVANTE_ADVANCE_SECONDS", 0.1)

# The API reads and limits its bodies itself; this one is for the forms of the admin pages.
DATA_UPLOAD_MAX_MEMORY_SIZE = LEVANTE_MAX_BODY_BYTES
