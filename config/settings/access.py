"""Who may reach the server, and how sessions are kept safe."""

from __future__ import annotations

from django.core.management.utils import get_random_secret_key

from config.readers import env_bool, env_list, env_seconds, env_secret, env_text
from config.settings.servers import LEVANTE_DATA_DIR
from workflows.embedded.state import keep_secret

# Signs sessions. Default: made on first use and kept in the data directory; where there is none,
# each process has its own.
SECRET_KEY = env_secret("LEVANTE_SECRET_KEY") or (
    keep_secret(LEVANTE_DATA_DIR / "secret.key")
    if LEVANTE_DATA_DIR.is_dir()
    else get_random_secret_key()
)
# Shows tracebacks in the browser. Never on a server that others can reach. Default: off.
DEBUG = env_bool("LEVANTE_DEBUG", default=False)
# Host names that the server answers to, separated by commas. Default: this machine only.
ALLOWED_HOSTS = env_list("LEVANTE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
# Anybody may do anything, without a token. `manage.py up --no-auth` sets it, on loopback only.
# Default: off.
LEVANTE_NO_AUTH = env_bool("LEVANTE_NO_AUTH", default=False)
# How others reach the server, such as https://levante.example.org: the beginning of the addresses
# that are told to who does work elsewhere. Default: none, so they begin with the path.
LEVANTE_PUBLIC_URL = env_text("LEVANTE_PUBLIC_URL", "").rstrip("/")
# The server is reached through HTTPS, ended by a proxy that sets X-Forwarded-Proto. Default: off.
LEVANTE_HTTPS = env_bool("LEVANTE_HTTPS", default=False)
# Origins whose pages may send forms, such as https://levante.example.org. Default: none but our
# own.
CSRF_TRUSTED_ORIGINS = env_list("LEVANTE_TRUSTED_ORIGINS", [])
# Seconds that a process remembers a token, and so the time that a revocation takes at most.
# Default: 5.
LEVANTE_TOKEN_CACHE_SECONDS = env_seconds("LEVANTE_TOKEN_CACHE_SECONDS", 5)

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LEVANTE_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if LEVANTE_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if LEVANTE_HTTPS else None
X_FRAME_OPTIONS = "DENY"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
