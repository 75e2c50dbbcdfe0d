"""Who may reach the server, and how sessions are kept safe."""

from __future__ import annotations

from datetime import timedelta

from corsheaders.defaults import default_headers
from django.core.management.utils import get_random_secret_key

from config.readers import (
    env_bool,
    env_int,
    env_list,
    env_mapping,
    env_seconds,
    env_secret,
    env_text,
    refuse_another_path,
    refuse_open_doors,
)
from config.settings.servers import LEVANTE_DATA_DIR
from workflows.embedded.state import keep_secret
from workflows.services.identity.rules import LEAST_ROLES, ROLES

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
# How others reach the server, such as https://levante.example.org, with the path prefix if there is
# one: the beginning of the links in answers and of the addresses that are told to who does work
# elsewhere. Default: none, so links begin with the host of the request, others with the path.
LEVANTE_PUBLIC_URL = env_text("LEVANTE_PUBLIC_URL", "").rstrip("/")
# A token with which /metrics alone may be read, for Prometheus. Default: none, so the token of an
# administrator is needed.
LEVANTE_METRICS_TOKEN = env_secret("LEVANTE_METRICS_TOKEN")
# The server is reached through HTTPS, ended by a proxy that sets X-Forwarded-Proto. Default: off.
LEVANTE_HTTPS = env_bool("LEVANTE_HTTPS", default=False)
# The proxy in front sets X-Forwarded-Host to the name that clients use; it then stands in the links
# of answers. Only behind a proxy that sets or removes the header always. Default: off.
LEVANTE_FORWARDED_HOST = env_bool("LEVANTE_FORWARDED_HOST", default=False)
# The path under which a proxy shows the server and which it takes off, such as /levante. It then
# stands in the links of answers. Default: none.
LEVANTE_PATH_PREFIX = env_text("LEVANTE_PATH_PREFIX", "").strip("/")
refuse_another_path(LEVANTE_PUBLIC_URL, LEVANTE_PATH_PREFIX)
# Origins whose pages may call the API from a browser, such as https://tools.example.org, separated
# by commas. Default: none.
LEVANTE_CORS_ORIGINS = env_list("LEVANTE_CORS_ORIGINS", [])
# Seconds for which a browser remembers that it may. Default: 10 minutes.
LEVANTE_CORS_SECONDS = env_int("LEVANTE_CORS_SECONDS", 600)
# A file with a JSON object that /info answers, such as a version and the time of a build. Default:
# none, and /info is off.
LEVANTE_INFO_FILE = env_text("LEVANTE_INFO_FILE", "")
# Origins whose pages may send forms, such as https://levante.example.org. Default: none but our
# own.
CSRF_TRUSTED_ORIGINS = env_list("LEVANTE_TRUSTED_ORIGINS", [])
# Who may do what: rules such as workflows:create=operator, separated by commas, each with the least
# role it asks for. Default: none, so each rule is as docs/operations.md lists it.
LEVANTE_PERMISSIONS = env_mapping("LEVANTE_PERMISSIONS", {}, values=ROLES, keys=LEAST_ROLES)
# Seconds that a process remembers a token, and so the time that a revocation takes at most.
# Default: 5.
LEVANTE_TOKEN_CACHE_SECONDS = env_seconds("LEVANTE_TOKEN_CACHE_SECONDS", 5)

# Seconds that the token of a log-in with a password is good for. Default: 1 hour.
LEVANTE_LOGIN_TOKEN_SECONDS = env_seconds("LEVANTE_LOGIN_TOKEN_SECONDS", 3600, minimum=1)
# Log-ins a minute from one address, to each web process; 0 is no limit. Default: 120, for command
# lines log in with each command.
LEVANTE_LOGINS_PER_MINUTE = env_int("LEVANTE_LOGINS_PER_MINUTE", 120)
# Failed log-ins of one user from one address after which no password is tried. Default: 10; some
# clients send each password twice.
LEVANTE_FAILED_LOGINS = env_int("LEVANTE_FAILED_LOGINS", 10, minimum=1)
# Seconds for which that lasts, from the last try. Default: 15 minutes.
LEVANTE_LOCK_SECONDS = env_seconds("LEVANTE_LOCK_SECONDS", 900, minimum=1)
# Requests a minute with one token, to each web process; 0 is no limit. Default: 30,000.
LEVANTE_REQUESTS_PER_MINUTE = env_int("LEVANTE_REQUESTS_PER_MINUTE", 30_000)
# Unknown tokens a minute from one address, to each web process; about more no Keystone and no
# issuer is asked, and the answer is 429. Our own tokens stay good. 0 is no limit. Default: 120.
LEVANTE_UNKNOWN_TOKENS_PER_MINUTE = env_int("LEVANTE_UNKNOWN_TOKENS_PER_MINUTE", 120)
# Proxies of our own in front of the server: that many of the last addresses in X-Forwarded-For
# are theirs to vouch for. Default: 0, so that header is not believed.
LEVANTE_PROXIES = env_int("LEVANTE_PROXIES", 0)
# Name of the region in the catalogue of the identity service. Default: RegionOne.
LEVANTE_REGION = env_text("LEVANTE_REGION", "RegionOne")

refuse_open_doors(debug=DEBUG, hosts=ALLOWED_HOSTS, origins=LEVANTE_CORS_ORIGINS)

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LEVANTE_HTTPS
# Pages take the token of a form from the form.
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if LEVANTE_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if LEVANTE_HTTPS else None
USE_X_FORWARDED_HOST = LEVANTE_FORWARDED_HOST
FORCE_SCRIPT_NAME = f"/{LEVANTE_PATH_PREFIX}" if LEVANTE_PATH_PREFIX else None
X_FRAME_OPTIONS = "DENY"

CORS_ALLOWED_ORIGINS = LEVANTE_CORS_ORIGINS
# The API alone; the pages work with cookies, and no other origin may use those.
CORS_URLS_REGEX = r"^/(v2|maintenance|info|healthcheck|readyz|api)?(/|$)"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [*default_headers, "x-auth-token", "x-project-id", "x-user-id"]
CORS_EXPOSE_HEADERS = ["WWW-Authenticate", "Server-Error-Message"]
CORS_PREFLIGHT_MAX_AGE = LEVANTE_CORS_SECONDS
# The first one lets nobody try passwords without end; the second one checks them.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = LEVANTE_FAILED_LOGINS
AXES_COOLOFF_TIME = timedelta(seconds=LEVANTE_LOCK_SECONDS)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "workflows.api.throttles.client_address"
AXES_ALLOWED_CORS_ORIGINS = ""
# Only failures are stored, and they are deleted when they do not count any more.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
