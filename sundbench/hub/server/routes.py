"""Which addresses answer: every handler that Jupyter's packages register was judged, one by one.

The list is closed. A handler that isn't on it, because a package was updated or came along with another, is
replaced by a refusal when the server starts, and a test fails until somebody has judged it.
"""

from __future__ import annotations

from jupyter_server.base.handlers import JupyterHandler
from tornado.routing import Rule, RuleRouter
from tornado.web import Application, HTTPError, RequestHandler

from sundbench.governance.audit.actions import Action
from sundbench.hub.server.refusals import note

SERVED = frozenset(
    {
        # This package's own.
        "sundbench.hub.server.dashboard.DaskHandler",
        "sundbench.hub.server.packages.PackagesHandler",
        "sundbench.hub.server.state.StateHandler",
        "sundbench.hub.server.versions.VersionsHandler",
        # Logging in through the hub, and out.
        "jupyterhub.singleuser.extension.JupyterHubLogoutHandler",
        "jupyterhub.singleuser.extension.JupyterHubOAuthCallbackHandler",
        # JupyterLab's page, its settings (they hold no data), layouts, themes and translations.
        "jupyterlab_server.handlers.LabHandler",
        "jupyterlab_server.handlers.NotFoundHandler",
        "jupyterlab_server.settings_handler.SettingsHandler",
        "jupyterlab_server.themes_handler.ThemesHandler",
        "jupyterlab_server.translations_handler.TranslationsHandler",
        "jupyterlab_server.workspaces_handler.WorkspacesHandler",
        # Notebooks and code, through `contents`; checkpoints, in memory; trust, which only this server's
        # signatures grant.
        "jupyter_server.services.contents.handlers.CheckpointsHandler",
        "jupyter_server.services.contents.handlers.ContentsHandler",
        "jupyter_server.services.contents.handlers.ModifyCheckpointsHandler",
        "jupyter_server.services.contents.handlers.TrustNotebooksHandler",
        # Kernels and sessions, through `kernels` and `channels`.
        "jupyter_server.kernelspecs.handlers.KernelSpecResourceHandler",
        "jupyter_server.services.kernels.handlers.KernelActionHandler",
        "jupyter_server.services.kernels.handlers.KernelHandler",
        "jupyter_server.services.kernels.handlers.MainKernelHandler",
        "jupyter_server.services.kernels.websocket.KernelWebsocketHandler",
        "jupyter_server.services.kernelspecs.handlers.KernelSpecHandler",
        "jupyter_server.services.kernelspecs.handlers.MainKernelSpecHandler",
        "jupyter_server.services.sessions.handlers.SessionHandler",
        "jupyter_server.services.sessions.handlers.SessionRootHandler",
        # What the server is, and who the user is.
        "jupyter_server.services.api.handlers.APIStatusHandler",
        "jupyter_server.base.handlers.APIVersionHandler",
        "jupyter_server.services.api.handlers.IdentityHandler",
        "jupyter_server.services.config.handlers.ConfigHandler",  # to read: see authorizer
        "jupyter_server.services.events.handlers.SubscribeWebsocket",  # to listen: see authorizer
        # Files of the installation, and addresses that lead to other ones.
        "jupyter_server.base.handlers.FileFindHandler",
        "jupyter_server.base.handlers.PublicStaticFileHandler",
        "jupyter_server.base.handlers.RedirectWithParams",
        "jupyter_server.base.handlers.Template404",
        "jupyter_server.base.handlers.TrailingSlashHandler",
    }
)

REFUSED = frozenset(
    {
        "sundbench.hub.server.routes.RefusedHandler",
        # Content as a download, or as a page of its own outside the editor.
        "jupyter_server.base.handlers.AuthenticatedFileHandler",
        "jupyter_server.nbconvert.handlers.NbconvertFileHandler",
        "jupyter_server.nbconvert.handlers.NbconvertPostHandler",
        "jupyter_server.services.nbconvert.handlers.NbconvertRootHandler",
        "jupyter_server.view.handlers.ViewHandler",
        "jupyter_server.services.contents.handlers.NotebooksRedirectHandler",
        "jupyterlab_server.licenses_handler.LicensesHandler",  # has a download
        # What of the machine's files is where.
        "jupyter_server.services.api.handlers.PathResolverHandler",
        # Reports that our content policy doesn't ask for.
        "jupyter_server.services.security.handlers.CSPReportHandler",
        # Passwords and tokens of the server's own; the hub's are meant.
        "jupyter_server.auth.login.LoginFormHandler",
        "jupyter_server.auth.logout.LogoutHandler",
        # Installing, building and switching off; news and updates from outside.
        "jupyterlab.handlers.announcements.CheckForUpdateHandler",
        "jupyterlab.handlers.announcements.NewsHandler",
        "jupyterlab.handlers.build_handler.BuildHandler",
        "jupyterlab.handlers.extension_manager_handler.ExtensionHandler",
        "jupyterlab.handlers.plugin_manager_handler.PluginHandler",
        "jupyterlab_server.listings_handler.ListingsHandler",
        "jupyter_server.base.handlers.MainHandler",  # a page without JupyterLab
        # Stopping the server is the hub's; measures are the operator's; events are the server's own to tell.
        "jupyter_server.base.handlers.PrometheusMetricsHandler",
        "jupyter_server.services.api.handlers.APISpecHandler",
        "jupyter_server.services.events.handlers.EventHandler",
        "jupyter_server.services.shutdown.ShutdownHandler",
        # Packages that are installed beside JupyterLab and not loaded: shells, language servers (programs
        # beside the server's tokens), proxies to any port, dashboards.
        "jupyter_lsp.handlers.LanguageServerWebSocketHandler",
        "jupyter_lsp.handlers.LanguageServersHandler",
        "jupyter_server_proxy.api.IconHandler",
        "jupyter_server_proxy.api.ServersInfoHandler",
        "jupyter_server_proxy.handlers.LocalProxyHandler",
        "jupyter_server_proxy.handlers.RemoteProxyHandler",
        "jupyter_server_terminals.api_handlers.TerminalHandler",
        "jupyter_server_terminals.api_handlers.TerminalRootHandler",
        "jupyter_server_terminals.handlers.TermSocket",
        "voila.shutdown_kernel_handler.VoilaShutdownKernelHandler",
        "voila.static_file_handler.AllowListFileHandler",
        "voila.static_file_handler.MultiStaticFileHandler",
        "voila.static_file_handler.TemplateStaticFileHandler",
        "voila.tornado.contentshandler.VoilaContentsHandler",
        "voila.tornado.handler.TornadoVoilaHandler",
        "voila.tornado.treehandler.TornadoVoilaTreeHandler",
    }
)


class RefusedHandler(JupyterHandler):
    """Answers at an address that is closed."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse, whatever the method; who isn't logged in learns no more than that."""
        await super().prepare(_redirect_to_login=False)
        if self.current_user is not None:
            note(
                self.settings,
                Action.DOWNLOAD_REFUSED if _takes_out(self.request.path) else Action.SERVER_REQUEST_REFUSED,
                f"{self.request.method} {self.request.path}",
                reason="closed address",
            )
        raise HTTPError(403, reason="Not available in this project's server")


def close(application: Application) -> list[str]:
    """Replace every handler that isn't served by a refusal.

    Args:
        application: with all of its extensions loaded.

    Returns:
        The names of those that nobody has judged, for the log.
    """
    unknown = set()
    for rule in rules(application):
        name = qualified(rule.target)
        if name not in SERVED:
            rule.target, rule.target_kwargs = RefusedHandler, {}
            if name not in REFUSED:
                unknown.add(name)
    return sorted(unknown)


def rules(application: Application) -> list[Rule]:
    """Every rule of an application that leads to a handler."""
    found: list[Rule] = []

    def walk(router: RuleRouter) -> None:
        for rule in router.rules:
            if isinstance(rule.target, RuleRouter):
                walk(rule.target)
            else:
                found.append(rule)

    walk(application.default_router)  # the wildcard's router is one of its rules
    return found


def qualified(target: object) -> str:
    """A handler's module and name; what isn't a handler has none that could be on a list."""
    if isinstance(target, type) and issubclass(target, RequestHandler):
        return f"{target.__module__}.{target.__qualname__}"
    return f"{type(target).__module__}.{type(target).__qualname__} (not a handler)"


def _takes_out(path: str) -> bool:
    return any(part in {"files", "nbconvert", "view"} for part in path.split("/"))
