// Earlier versions of the open file: a list with dates and names, and one that comes back.
import { element } from "./page.js";

export function versions({ Widget, Dialog, showDialog, ask, lang, word, warn }) {
  function choice(found, path) {
    const list = element(
      "select",
      { size: "12", class: "sb-versions", "aria-label": word("versions") },
      ...found.map((one) =>
        element(
          "option",
          { value: one.id },
          `${new Date(one.moment).toLocaleString(lang)}  ·  ${one.by === "sundbench" ? word("nobody") : one.by}`,
        ),
      ),
    );
    list.selectedIndex = Math.min(1, found.length - 1);
    const body = new Widget({
      node: element("div", { class: "sb-dialog" }, list, element("p", {}, word("versionsNote"))),
    });
    body.getValue = () => list.value;
    return showDialog({
      title: `${word("versionsOf")} ${path}`,
      body,
      buttons: [Dialog.cancelButton({ label: word("cancel") }), Dialog.okButton({ label: word("restore") })],
    });
  }

  return async (context) => {
    if (!context) return warn(word("openFirst"));
    if (context.model.dirty && !context.model.readOnly) await context.save();
    const { versions: found } = await ask("versions", { query: { path: context.path } });
    if (!found.length) return warn(word("versionsNone"));
    const { button, value } = await choice(found, context.path);
    if (!button.accept || !value) return;
    await ask("versions", { body: { path: context.path, version: value } });
    await context.revert();
  };
}
