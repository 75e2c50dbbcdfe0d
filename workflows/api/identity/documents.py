"""What the identity service says of itself, and where the services are."""

from __future__ import annotations

from typing import Final
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework import status
from rest_framework.request import Request

from workflows.api.identity.views import DOMAIN, IdentityView
from workflows.api.views import answer
from workflows.errors import NotFound
from workflows.jsontypes import JSONObject, JSONValue
from workflows.services.operation.addresses import base_url

PREFIX: Final = "/identity/v3"
_INTERFACES: Final = ("public", "internal", "admin")


class IdentityVersionsView(IdentityView):
    """All versions there are: one."""

    authentication_classes = ()

    def get(self, request: Request) -> HttpResponse:
        body = {"versions": {"values": [_version(request._request)]}}
        response = answer(body, status.HTTP_300_MULTIPLE_CHOICES)
        response["Location"] = f"{base_url(request._request)}{PREFIX}/"
        return response


class IdentityVersionView(IdentityView):
    """The version document."""

    authentication_classes = ()

    def get(self, request: Request) -> HttpResponse:
        return answer({"version": _version(request._request)})


class CatalogView(IdentityView):
    """Where the services are."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"catalog": catalog(request._request)})


class DomainsView(IdentityView):
    """The one domain that all users and projects are in."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"domains": [_domain(request._request)]})


class DomainView(IdentityView):
    def get(self, request: Request, identifier: str) -> HttpResponse:
        if identifier != DOMAIN["id"]:
            raise NotFound(f"Could not find domain: {identifier}.")
        return answer({"domain": _domain(request._request)})


def catalog(request: HttpRequest) -> list[JSONValue]:
    """List the two services of this server with their addresses."""
    base = base_url(request)
    return [
        _service("identity", "levante-identity", f"{base}{PREFIX}"),
        _service("workflowv2", "levante", f"{base}/v2"),
    ]


def _service(kind: str, name: str, url: str) -> JSONObject:
    region: str = settings.LEVANTE_REGION
    return {
        "id": uuid5(NAMESPACE_URL, kind).hex,
        "type": kind,
        "name": name,
        "endpoints": [
            {
                "id": uuid5(NAMESPACE_URL, f"{kind} {interface}").hex,
                "interface": interface,
                "region": region,
                "region_id": region,
                "url": url,
            }
            for interface in _INTERFACES
        ],
    }


def _version(request: HttpRequest) -> JSONObject:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base_url(request)}{PREFIX}/"}],
        "media-types": [
            {
                "base": "application/json",
                "type": "application/vnd.openstack.identity-v3+json",
            }
        ],
    }


def _domain(request: HttpRequest) -> JSONObject:
    link = f"{base_url(request)}{PREFIX}/domains/{DOMAIN['id']}"
    return {**DOMAIN, "enabled": True, "description": "", "links": {"self": link}}
