"""Others who say who somebody is: an OpenStack Keystone, an issuer of OpenID Connect."""

from __future__ import annotations

from config.readers import env_mapping, env_seconds, env_secret, env_text
from workflows.services.identity.rules import ROLES

# Keystone whose tokens are accepted beside our own, such as https://keystone.example.org/v3.
# Default: none.
LEVANTE_KEYSTONE_URL = env_text("LEVANTE_KEYSTONE_URL", "").rstrip("/")
# Which role of ours a role of Keystone stands for; of several the highest counts, and whoever has
# none of them may do nothing.
LEVANTE_KEYSTONE_ROLES = env_mapping(
    "LEVANTE_KEYSTONE_ROLES",
    {"admin": "admin", "manager": "author", "member": "author", "reader": "viewer"},
    values=ROLES,
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

# The issuer of OpenID Connect whose tokens are accepted beside our own, such as
# https://login.example.org/realms/tools. Default: none.
LEVANTE_OIDC_ISSUER = env_text("LEVANTE_OIDC_ISSUER", "").rstrip("/")
# For whom a token has to be made: it must stand in its `aud`. Default: levante.
LEVANTE_OIDC_AUDIENCE = env_text("LEVANTE_OIDC_AUDIENCE", "levante")
# Where the keys of the issuer are. Default: what its openid-configuration says.
LEVANTE_OIDC_KEYS_URL = env_text("LEVANTE_OIDC_KEYS_URL", "")
# The claim with the name or id of the project. Default: none, so everybody is in the project named
# like the last word of the issuer, which is the realm of a Keycloak.
LEVANTE_OIDC_PROJECT_CLAIM = env_text("LEVANTE_OIDC_PROJECT_CLAIM", "")
# The claim with the roles, and the one with the name that the history shows; a dot leads into an
# object. Defaults: those of a Keycloak.
LEVANTE_OIDC_ROLES_CLAIM = env_text("LEVANTE_OIDC_ROLES_CLAIM", "realm_access.roles")
LEVANTE_OIDC_NAME_CLAIM = env_text("LEVANTE_OIDC_NAME_CLAIM", "preferred_username")
# Which role of ours one of the issuer stands for; of several the highest counts.
LEVANTE_OIDC_ROLES = env_mapping(
    "LEVANTE_OIDC_ROLES",
    {"viewer": "viewer", "operator": "operator", "author": "author", "admin": "admin"},
    values=ROLES,
)
# Seconds to wait for the issuer, and for which its keys are kept. Defaults: 5 and 5 minutes.
LEVANTE_OIDC_SECONDS = env_seconds("LEVANTE_OIDC_SECONDS", 5)
LEVANTE_OIDC_KEYS_SECONDS = env_seconds("LEVANTE_OIDC_KEYS_SECONDS", 300, minimum=1)
