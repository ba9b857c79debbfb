"""The page of the authority's certificate, without encryption: what devices open first."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from zoo.report.pages.rendering import render_page, source
from zoo.server.authority import Authority

#: The file that devices install.
CERTIFICATE = "edgezoo.crt"
_TEXT = "edgezoo.pem"
_TEMPLATE, _SCRIPT = "zoo.server:templates/certificate.html", "zoo.server:templates/certificate.js"
_SHOWN = "%d %B %Y"


def certificate_app(authority: Authority, port: int, hosts: Sequence[str]) -> Starlette:
    """An application with the certificate, how to trust it, and nothing else.

    Args:
        authority: Whose certificate.
        port: Where https is served.
        hosts: Names by which browsers may call this machine.
    """

    def headers(request: Request) -> dict[str, str]:
        own = f"https://{request.url.hostname}:{port}"
        policy = (
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; img-src data:; "
            f"connect-src {own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }

    def page(request: Request) -> Response:
        html = render_page(
            _TEMPLATE,
            name=authority.name,
            fingerprint=authority.fingerprint,
            ends=authority.ends.strftime(_SHOWN),
            certificate=CERTIFICATE,
            text=_TEXT,
            secured=f"https://{request.url.hostname}:{port}/",
        )
        return HTMLResponse(html, headers=headers(request))

    def der(request: Request) -> Response:
        kind = "application/x-x509-ca-cert"
        return Response(authority.der, media_type=kind, headers=headers(request))

    def pem(request: Request) -> Response:
        kind = "application/x-pem-file"
        return Response(authority.pem, media_type=kind, headers=headers(request))

    def script(request: Request) -> Response:
        return Response(source(_SCRIPT), media_type="text/javascript", headers=headers(request))

    def missing(request: Request, error: Exception) -> Response:
        words = "Only the certificate is here. The other pages have an https address.\n"
        return PlainTextResponse(words, 404, headers(request))

    return Starlette(
        routes=[
            Route("/", page),
            Route(f"/{CERTIFICATE}", der),
            Route(f"/{_TEXT}", pem),
            Route("/certificate.js", script),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={404: missing},
    )
