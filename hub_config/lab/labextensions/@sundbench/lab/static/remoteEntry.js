// What JupyterLab loads of a federated extension: a container with `init` and `get`, as webpack's module federation
// has it. Written by hand: nothing is built, and what runs is what stands here.
(() => {
  "use strict";
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  let shared = {};

  // A module that JupyterLab shares: the one version that it has itself.
  async function take(name) {
    const versions = Object.values(shared[name] || {});
    const chosen = versions.find((one) => one.loaded) || versions[0];
    if (!chosen) throw new Error(`JupyterLab shares no ${name}`);
    return (await chosen.get())();
  }

  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = `${here}style.css`;
  document.head.appendChild(style);

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["@sundbench/lab"] = {
    init(scope) {
      shared = scope;
    },
    async get(module) {
      if (module !== "./extension") throw new Error(`${module} is not in @sundbench/lab`);
      const { plugins } = await import(`${here}plugins.js`);
      const made = await plugins(take);
      return () => ({ __esModule: true, default: made });
    },
  };
})();
