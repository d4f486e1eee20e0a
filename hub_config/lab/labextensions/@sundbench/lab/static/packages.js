// The packages that kernels have, and a form to ask the operator for another.
import { element } from "./page.js";

export function packages({ Widget, MainAreaWidget, ask, word, tell, warn }) {
  function table(found, wanted) {
    const shown = found.filter((one) => one.name.toLowerCase().includes(wanted.toLowerCase()));
    return shown.map((one) =>
      element(
        "tr",
        {},
        element("td", {}, one.language),
        element("td", {}, one.name),
        element("td", {}, one.version),
      ),
    );
  }

  function form() {
    const made = element(
      "form",
      { class: "sb-form" },
      element("h2", {}, word("ask")),
      element(
        "label",
        {},
        word("language"),
        element("select", { name: "language" }, element("option", {}, "Python"), element("option", {}, "R")),
      ),
      element("label", {}, word("name"), element("input", { name: "name", required: "", maxlength: "100" })),
      element("label", {}, word("why"), element("input", { name: "why", required: "", maxlength: "500" })),
      element("button", { class: "jp-mod-styled jp-mod-accept", type: "submit" }, word("send")),
    );
    made.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await ask("packages", { body: Object.fromEntries(new FormData(made)) });
        tell(`${word("sent")}: ${made.elements.name.value}`);
        made.reset();
      } catch (error) {
        warn(`${word("failed")}: ${error.message}`);
      }
    });
    return made;
  }

  return async () => {
    const { packages: found } = await ask("packages");
    const rows = element("tbody", {}, ...table(found, ""));
    const wanted = element("input", {
      type: "search",
      placeholder: word("find"),
      "aria-label": word("find"),
      oninput: () => rows.replaceChildren(...table(found, wanted.value)),
    });
    const heads = [word("language"), word("packages"), word("version")].map((one) => element("th", {}, one));
    const content = new Widget({
      node: element(
        "div",
        { class: "sb-page" },
        element("h1", {}, word("packages")),
        element("p", {}, word("packagesNote")),
        form(),
        element("div", { class: "sb-find" }, wanted),
        element("table", {}, element("thead", {}, element("tr", {}, ...heads)), rows),
      ),
    });
    const widget = new MainAreaWidget({ content });
    widget.id = "sundbench-packages";
    widget.title.label = word("packages");
    widget.title.closable = true;
    return widget;
  };
}
