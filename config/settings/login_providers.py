"""Others who say who somebody is: an OpenStack Keystone."""

from __future__ import annotations

from config.readers import env_mapping, env_seconds, env_secret, env_text

# Keystone whose tokens are accepted beside our own, such as https://keystone.example.org/v3.
# Default: none.
LEVANTE_KEYSTONE_URL = env_text("LEVANTE_KEYSTONE_URL", "").rstrip("/")
# Which role of ours a role of Keystone stands for; of several the highest counts, and whoever has
# none of them may do nothing.
LEVANTE_KEYSTONE_ROLES = env_mapping(
    "LEVANTE_KEYSTONE_ROLES",
    {"admin": "admin", "manager": "author", "member": "author", "reader": "viewer"},
    values=("viewer", "operator", "author", "admin"),
)
# The user that asks Keystone about tokens, with the password and the project it asks in. Default:
# none, so each token is asked about itself, which Keystone's own rules allow.
LEVANTE_KEYSTONE_USER = env_text("LEVANTE_KEYSTONE_USER", "")
LEVANTE_KEYSTONE_PASSWORD = env_secret("LEVANTE_KEYSTONE_PASSWORD")
LEVANTE_KEYSTONE_PROJECT = env_text("LEVANTE_KEYSTONE_PROJECT", "service")
LEVANTE_KEYSTONE_DOMAIN = env_text("LEVANTE_KEYSTONE_DOMAIN", "Default")
# A file with certificates that Keystone's one is checked by. Default: those of the machine.
LEVANTE_KEYSTONE_CA_FILE = env_text("LEVANTE_KEYSTONE_CA_FILE", "")
# Seconds to wait for an answer. Default: 5.
LEVANTE_KEYSTONE_SECONDS = env_seconds("LEVANTE_KEYSTONE_SECONDS", 5)
