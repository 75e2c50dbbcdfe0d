"""Flower, which the web interface shows to administrators."""

from __future__ import annotations

from config.readers import env_seconds, env_secret, env_text

# Where Flower listens, such as http://127.0.0.1:5555. It has to run with --url_prefix=admin/flower,
# with LEVANTE_PATH_PREFIX before it if there is one, and should be reached by this server alone.
# `manage.py up` does and sets all that. Default: none, so there are no links into Flower.
LEVANTE_FLOWER_URL = env_text("LEVANTE_FLOWER_URL", "").rstrip("/")
# Seconds to wait for an answer of Flower. Default: 20.
LEVANTE_FLOWER_SECONDS = env_seconds("LEVANTE_FLOWER_SECONDS", 20)
# Flower's own name and password, as `name:password`; the variable is Flower's. Default: none.
FLOWER_BASIC_AUTH = env_secret("FLOWER_BASIC_AUTH")
