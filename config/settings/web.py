"""Django: applications, middleware, templates, static files, REST framework."""

from __future__ import annotations

from django.templatetags.static import static

from config.readers import env_list
from config.settings.access import LEVANTE_PATH_PREFIX
from config.settings.servers import BASE_DIR

# Django applications of your own that run in this service, with their models and Celery tasks,
# separated by commas. Default: none.
LEVANTE_APPS = env_list("LEVANTE_APPS", [])

INSTALLED_APPS = [
    # The theme comes first, since its templates replace those of the admin.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.apps.PagesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "django_celery_beat",
    "workflows",
    *LEVANTE_APPS,
]

MIDDLEWARE = [
    "workflows.api.request_ids.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.headers.ContentSecurityPolicyMiddleware",
    # The last one: answers for who is locked out.
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"levante": "workflows.admin.tags"},
        },
    },
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# Mistral's paths have no slash at the end, and a redirect would lose the body of a request.
APPEND_SLASH = False

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# The theme of the web interface; `workflows.admin.base` has the rest.
UNFOLD = {
    "SITE_TITLE": "Levante",
    "SITE_HEADER": "Levante",
    "SITE_SYMBOL": "air",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("levante/icon.svg"),
        }
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {
            "50": "#f1f3fd",
            "100": "#e4e8fb",
            "200": "#cbd2f6",
            "300": "#a9b4ef",
            "400": "#8290e6",
            "500": "#8592ee",
            "600": "#3f4fb8",
            "700": "#364397",
            "800": "#2d3878",
            "900": "#262f60",
            "950": "#171c3b",
        },
    },
}

# With the path, which Django itself would learn only with the first request.
STATIC_URL = f"/{LEVANTE_PATH_PREFIX}/static/" if LEVANTE_PATH_PREFIX else "/static/"
# Static files are served from where the packages have them, so no command has to collect them
# first.
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["workflows.api.auth.TokenAuthentication"],
    # The authentication refuses whoever it does not know, and services check the role.
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "workflows.api.errors.exception_handler",
}
