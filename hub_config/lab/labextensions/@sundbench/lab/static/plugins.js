// The plugin that JupyterLab activates.
import { banners } from "./banner.js";
import { packages } from "./packages.js";
import { dask } from "./dask.js";
import { element, picture, server } from "./page.js";
import { space } from "./space.js";
import { versions } from "./versions.js";
import { language, words } from "./words.js";

const MODULES = [
  "@jupyterlab/apputils",
  "@jupyterlab/console",
  "@jupyterlab/coreutils",
  "@jupyterlab/docregistry",
  "@jupyterlab/mainmenu",
  "@jupyterlab/notebook",
  "@jupyterlab/services",
  "@jupyterlab/translation",
  "@lumino/widgets",
];
const PROJECTS = "sundbench:projects";
const VERSIONS = "sundbench:versions";
const PACKAGES = "sundbench:packages";
const DASK = "sundbench:dask";

export async function plugins(take) {
  const [apputils, console_, coreutils, docregistry, mainmenu, notebook, services, translation, widgets] =
    await Promise.all(MODULES.map(take));
  const { Dialog, ICommandPalette, IFrame, MainAreaWidget, Notification, showDialog } = apputils;
  const { Menu, Widget } = widgets;

  function activate(app, notebooks, consoles, translator, palette, menus) {
    const { project, title, projects_url: home } = JSON.parse(
      document.getElementById("jupyter-config-data").textContent,
    ).sundbench;
    const lang = language(translator);
    const word = words(lang);
    const ask = server(services, coreutils);
    const state = () => ask("state");
    const warn = (text) => void Notification.warning(text, { autoClose: false });
    const tell = (text) => void Notification.success(text);
    const specs = () => app.serviceManager.kernelspecs.specs?.kernelspecs;

    // Kernels by their names in the page's language.
    const name = () => {
      for (const spec of Object.values(specs() || {})) {
        spec.display_name = spec.metadata?.sundbench?.names?.[lang] || spec.display_name;
      }
    };
    app.serviceManager.kernelspecs.specsChanged.connect(name);
    name();

    const banner = banners({ Widget, specs, project, title: title[lang], word, state, warn });
    for (const tracker of [notebooks, consoles]) {
      const seen = new WeakSet();
      const over = (panel) => {
        if (seen.has(panel)) return;
        seen.add(panel);
        banner(panel, panel.sessionContext);
      };
      tracker.widgetAdded.connect((_, panel) => over(panel));
      tracker.forEach(over);
    }

    const back = new Widget({
      node: element("a", { class: "sb-back", href: home }, picture("back"), element("span", {}, word("projects"))),
    });
    back.id = "sundbench-back";
    app.shell.add(back, "top", { rank: 900 });
    const chip = new Widget({ node: element("div", { class: "sb-space", role: "status" }) });
    chip.id = "sundbench-space";
    chip.hide();
    app.shell.add(chip, "top", { rank: 901 });
    const look = space({ state, chip, lang, word, warn });

    const shown = () => {
      const current = app.shell.currentWidget;
      return current instanceof docregistry.DocumentWidget ? current.context : null;
    };
    const restore = versions({ Widget, Dialog, showDialog, ask, lang, word, warn });
    const list = packages({ Widget, MainAreaWidget, ask, word, tell, warn });
    const figures = dask({ IFrame, MainAreaWidget, coreutils, settings: app.serviceManager.serverSettings, word, warn });
    const failing = (work) => () => work().catch((error) => warn(`${word("failed")}: ${error.message}`));
    const show = (widget, where) => {
      if (!widget) return;
      [...app.shell.widgets("main")].find((one) => one.id === widget.id)?.close();
      app.shell.add(widget, "main", where);
      app.shell.activateById(widget.id);
    };
    app.commands.addCommand(PROJECTS, { label: word("projects"), execute: () => window.location.assign(home) });
    app.commands.addCommand(VERSIONS, {
      label: `${word("versions")}…`,
      execute: failing(async () => {
        await restore(shown());
        look();
      }),
    });
    app.commands.addCommand(PACKAGES, {
      label: `${word("packages")}…`,
      execute: failing(async () => show(await list())),
    });
    app.commands.addCommand(DASK, {
      label: word("dask"),
      execute: failing(async () => {
        const tracker = consoles.currentWidget === app.shell.currentWidget ? consoles : notebooks;
        show(await figures(tracker.currentWidget?.sessionContext), { mode: "split-right" });
      }),
    });
    const menu = new Menu({ commands: app.commands });
    menu.id = "jp-mainmenu-sundbench";
    menu.title.label = "Sundbench";
    for (const command of [VERSIONS, PACKAGES, DASK, PROJECTS]) {
      menu.addItem({ command });
      palette?.addItem({ command, category: "Sundbench" });
    }
    menus?.addMenu(menu, true, { rank: 900 });
  }

  return [
    {
      id: "@sundbench/lab:plugin",
      description: "Tells register data from synthetic; versions, packages, Dask, space, the way back",
      autoStart: true,
      requires: [notebook.INotebookTracker, console_.IConsoleTracker, translation.ITranslator],
      optional: [ICommandPalette, mainmenu.IMainMenu],
      activate,
    },
  ];
}
