"""/metrics: the state of the whole service in the format of Prometheus."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from rest_framework.request import Request

from workflows.api.auth import TokenAuthentication, read_token
from workflows.api.operations import TEXT, Operation
from workflows.api.views import ApiView
from workflows.models import Role
from workflows.services.identity.identity import OPEN_PROJECT_ID, Caller
from workflows.services.operation.measurements import Metric, take_measurements

_PREFIX = "levante_"


class ScraperAuthentication(TokenAuthentication):
    """Takes the token that is for the metrics alone, or one of an administrator."""

    def authenticate(self, request: Request) -> tuple[Caller, str]:
        wanted = settings.LEVANTE_METRICS_TOKEN
        given = read_token(request)
        if wanted and hmac.compare_digest(given.encode(), wanted.encode()):
            return Caller(OPEN_PROJECT_ID, Role.ADMIN, name="metrics"), ""
        return super().authenticate(request)


class MetricsView(ApiView):
    """Numbers about all projects together, without any name of theirs; for administrators."""

    authentication_classes = (ScraperAuthentication,)
    operations = {"GET": Operation("Numbers for Prometheus", dict(TEXT), media="text/plain")}

    def get(self, request: Request) -> HttpResponse:
        text = write_metrics(take_measurements())
        return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def write_metrics(metrics: Iterable[Metric]) -> bytes:
    """Write numbers as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics))
    return generate_latest(registry)


class _Collector:
    """Hands the numbers to the library, those of one name together."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        families: dict[str, Any] = {}
        for metric in self._metrics:
            if metric.name not in families:
                family = CounterMetricFamily if metric.is_total else GaugeMetricFamily
                names = [name for name, _ in metric.labels]
                families[metric.name] = family(_PREFIX + metric.name, metric.help, labels=names)
            values = [value for _, value in metric.labels]
            families[metric.name].add_metric(values, metric.value)
        yield from families.values()
