// The Dask dashboard of the open notebook's kernel, in a frame beside it. What is in the frame is the kernel's.
export function dask({ MainAreaWidget, IFrame, coreutils, settings, word, warn }) {
  return async (context) => {
    const kernel = context?.session?.kernel;
    if (!kernel) return warn(word("openKernel"));
    const address = coreutils.URLExt.join(settings.baseUrl, "sundbench", "dask", kernel.id, "status");
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok) return warn(word("daskNone"));
    const content = new IFrame({ sandbox: ["allow-scripts", "allow-same-origin"] });
    content.url = address;
    const widget = new MainAreaWidget({ content });
    widget.id = `sundbench-dask-${kernel.id}`;
    widget.title.label = word("dask");
    widget.title.closable = true;
    return widget;
  };
}
