"""What is told to receivers outside about runs and tasks."""

from __future__ import annotations

from config.readers import env_int, env_json_list, env_seconds, env_secret

# Receivers that are told about every run: a JSON list of objects as in the parameter `notify` of
# a start, such as [{"type": "webhook", "url": "https://ops.example.org/levante"}]. Default: none.
LEVANTE_NOTIFY = env_json_list("LEVANTE_NOTIFY")
# Signs what is sent to receivers that have no `secret` of their own. Default: none, no signature.
LEVANTE_NOTIFY_SECRET = env_secret("LEVANTE_NOTIFY_SECRET")
# Tries of one delivery before it is given up. Default: 10.
LEVANTE_NOTIFY_TRIES = env_int("LEVANTE_NOTIFY_TRIES", 10, minimum=1)
# Seconds before the second try; the gap doubles each time, up to the second number. Defaults: 1
# and 300.
LEVANTE_NOTIFY_RETRY_SECONDS = env_seconds("LEVANTE_NOTIFY_RETRY_SECONDS", 1)
LEVANTE_NOTIFY_LONGEST_RETRY_SECONDS = env_seconds("LEVANTE_NOTIFY_LONGEST_RETRY_SECONDS", 300)
# Seconds that a receiver has to answer. Default: 10.
LEVANTE_NOTIFY_SECONDS = env_seconds("LEVANTE_NOTIFY_SECONDS", 10)
# Deliveries that are under way at once. Default: 4.
LEVANTE_NOTIFY_THREADS = env_int("LEVANTE_NOTIFY_THREADS", 4, minimum=1)
# Receivers of one run. Default: 10.
LEVANTE_NOTIFY_RECEIVERS = env_int("LEVANTE_NOTIFY_RECEIVERS", 10, minimum=1)
# Days for which ended deliveries are kept. Default: 30.
LEVANTE_NOTIFY_HISTORY_DAYS = env_int("LEVANTE_NOTIFY_HISTORY_DAYS", 30, minimum=1)
