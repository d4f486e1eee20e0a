"""Jupyter's configuration, set in code: no file that a user, an environment or a machine has is read."""

from __future__ import annotations

from pathlib import Path

from jupyterlab.handlers.announcements import NeverCheckForUpdate
from traitlets.config import Config

from sundbench.hub.server.authorizer import ProjectAuthorizer
from sundbench.hub.server.channels import RecordedChannels
from sundbench.hub.server.contents import CodeContents
from sundbench.hub.server.headers import HEADERS
from sundbench.hub.server.kernels import ProjectKernelManager, ProjectKernelSpecs, ProjectSessions
from sundbench.hub.server.settings import Settings

_MIB = 2**20


def configuration(settings: Settings, private: Path) -> Config:
    """Everything that differs from Jupyter's own defaults.

    Args:
        settings: what this server was told.
        private: folder for what Jupyter writes for itself.
    """
    c = Config()
    c.ServerApp.contents_manager_class = CodeContents
    c.ServerApp.authorizer_class = ProjectAuthorizer
    c.ServerApp.kernel_manager_class = ProjectKernelManager
    c.ServerApp.kernel_spec_manager_class = ProjectKernelSpecs
    c.ServerApp.session_manager_class = ProjectSessions
    c.ServerApp.kernel_websocket_connection_class = RecordedChannels
    c.ServerApp.root_dir = str(settings.notebooks)
    c.ServerApp.allow_root = False
    c.ServerApp.allow_unauthenticated_access = False
    c.ServerApp.terminals_enabled = False
    c.ServerApp.quit_button = False
    c.ServerApp.open_browser = False
    c.ServerApp.shutdown_no_activity_timeout = settings.rules.server_minutes * 60
    # A notebook comes as JSON, other files in base64 (4 bytes for 3): the largest that may come, and room.
    largest = max(settings.notebook_size, settings.rules.upload_size) * 4 // 3
    c.ServerApp.max_body_size = c.ServerApp.max_buffer_size = largest + _MIB
    c.ServerApp.tornado_settings = {
        "headers": dict(HEADERS),
        # Messages from the browser are code; one that is larger than a notebook is none.
        "websocket_max_message_size": largest + _MIB,
        "sundbench": settings,
    }

    c.CodeContents.upload_size = settings.rules.upload_size
    c.CodeContents.notebook_size = settings.notebook_size
    c.CodeContents.quota = settings.rules.quota

    c.ProjectKernelSpecs.folder = str(settings.kernels)
    c.ProjectKernelManager.cull_idle_timeout = settings.rules.kernel_minutes * 60
    c.ProjectKernelManager.cull_interval = min(60, settings.rules.kernel_minutes * 60)
    c.ProjectKernelManager.cull_connected = True  # an open tab holds no memory that others wait for
    c.ProjectKernelManager.cull_busy = False
    c.ProjectKernelManager.offline_size = settings.rules.output_size
    c.KernelManager.transport = "ipc"

    c.RecordedChannels.output_size = settings.rules.output_size
    c.RecordedChannels.limit_rate = False  # the limit by execution says what to do, that by second doesn't

    c.LabApp.app_settings_dir = str(settings.lab)
    c.LabApp.extra_labextensions_path = [str(settings.lab / "labextensions")]
    c.LabApp.labextensions_path = []  # whatever an environment brings along, the deployment's own are loaded
    c.LabApp.user_settings_dir = str(private / "settings")
    c.LabApp.workspaces_dir = str(private / "workspaces")
    c.LabApp.extension_manager = "readonly"
    c.LabApp.lock_all_plugins = True
    c.LabApp.news_url = None
    c.LabApp.check_for_updates_class = NeverCheckForUpdate
    c.LabApp.expose_app_in_browser = False
    return c
