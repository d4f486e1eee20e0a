"""What the browser is told about every page: the browser is part of the border.

A cell's output may be HTML with script, and its author is whoever wrote the cell. The content security policy
lets such a script talk to this server alone, load nothing from elsewhere, and start no download: a sandboxed
document without ``allow-downloads`` can't, whatever its links and scripts say. What no policy prevents is in
docs/security.md: a page can still be navigated away with data in its address, and screens be photographed.
"""

from __future__ import annotations

POLICY = "; ".join(
    [
        "default-src 'self'",
        # JupyterLab compiles its settings' schemas into functions; figures have scripts of their own.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "frame-src 'self'",
        # A script of another project's page, which runs in the same origin, would read in a frame what this
        # server says to its owner, and the token of its cookie.
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'self'",
        "object-src 'none'",
        "sandbox allow-scripts allow-same-origin allow-forms allow-modals",
    ]
)

IN_A_FRAME = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
"""The policy of what JupyterLab itself shows in a frame."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "bluetooth",
            "camera",
            "display-capture",
            "geolocation",
            "hid",
            "microphone",
            "serial",
            "usb",
        )
    ),
}
