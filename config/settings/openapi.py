"""The published description of the API and its page."""

from __future__ import annotations

SPECTACULAR_SETTINGS = {
    "TITLE": "Levante",
    "DESCRIPTION": (
        "Workflows by the API of Mistral, version 2. Attributes of the type JSON are text that"
        " holds JSON, in requests also an object. Each path works with and without a slash at its"
        " end."
    ),
    "VERSION": "2.0",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/v2",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "PREPROCESSING_HOOKS": ["workflows.api.openapi.tidy_paths"],
    "POSTPROCESSING_HOOKS": [],
    # The files of the page are served by us.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "displayRequestDuration": True,
        "docExpansion": "none",
        "filter": True,
        "validatorUrl": None,
    },
}
