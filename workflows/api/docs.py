"""/api/schema, the description of the API for machines, and /api/docs/, the page made of it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# The page loads its files from this server alone, and has no script in itself.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class SchemaView(APIView):
    """The description as JSON, or as YAML for who asks for that."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (OpenApiJsonRenderer2, OpenApiYamlRenderer2)
    schema = None

    _described: ClassVar[dict[str, Any]] = {}

    def get(self, request: Request) -> Response:
        if not self._described:  # the paths do not change while the process lives
            generator = SchemaGenerator()  # type: ignore[no-untyped-call]
            self._described.update(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]
        prefix = request.META.get("SCRIPT_NAME", "").rstrip("/")
        return Response({**self._described, "servers": [{"url": prefix or "/"}]})


class DocsView(SpectacularSwaggerSplitView):
    """The page: a few files of the same server, under a policy that lets it load nothing else."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    schema = None
    url_name = "schema"
    title = "Levante API"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = POLICY
        return response
