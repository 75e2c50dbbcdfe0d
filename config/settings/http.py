"""Requests that actions and notifications send over HTTP."""

from __future__ import annotations

from config.readers import env_bool, env_int, env_list, env_seconds

# Networks that may be reached beside the public Internet, such as 10.0.0.0/8 or 127.0.0.0/8,
# separated by commas. Default: none.
LEVANTE_HTTP_ALLOWED_NETWORKS = env_list("LEVANTE_HTTP_ALLOWED_NETWORKS", [])
# Hosts that may be reached, such as api.example.org or *.example.org; none means all of them.
# Default: none.
LEVANTE_HTTP_ALLOWED_HOSTS = env_list("LEVANTE_HTTP_ALLOWED_HOSTS", [])
# Ports that may be reached; none means all of them. Default: none.
LEVANTE_HTTP_ALLOWED_PORTS = env_list("LEVANTE_HTTP_ALLOWED_PORTS", [])
# Authors may switch off the check of certificates. Default: off.
LEVANTE_HTTP_ALLOW_UNVERIFIED = env_bool("LEVANTE_HTTP_ALLOW_UNVERIFIED", default=False)
# Seconds to connect. Default: 10.
LEVANTE_HTTP_CONNECT_SECONDS = env_seconds("LEVANTE_HTTP_CONNECT_SECONDS", 10)
# Seconds for a whole request, redirects included, unless the author says less or more. Default: 60.
LEVANTE_HTTP_SECONDS = env_seconds("LEVANTE_HTTP_SECONDS", 60)
# Seconds that an author may say at most. Default: 10 minutes.
LEVANTE_HTTP_LONGEST_SECONDS = env_seconds("LEVANTE_HTTP_LONGEST_SECONDS", 600)
# Bytes of an answer, after decompression. Default: 1 MB, which is what a result may have.
LEVANTE_HTTP_MAX_BYTES = env_int("LEVANTE_HTTP_MAX_BYTES", 1_000_000)
# Redirects that are followed. Default: 5.
LEVANTE_HTTP_MAX_REDIRECTS = env_int("LEVANTE_HTTP_MAX_REDIRECTS", 5)
