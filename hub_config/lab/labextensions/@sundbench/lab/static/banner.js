// Whose data a notebook or console has open: a banner over it, its prompts, its tab. Colour, words and picture each
// say it alone.
import { element, picture } from "./page.js";

const KINDS = ["register", "synthetic", "none"];

// The data behind a session's kernel, by what its kernelspec says; a kernel that says nothing counts as register data.
function kind(session, specs) {
  const name = session.session?.kernel?.name;
  if (!name) return "none";
  return specs()?.[name]?.metadata?.sundbench?.data === "synthetic" ? "synthetic" : "register";
}

export function banners({ Widget, specs, project, title, word, state, warn }) {
  return (panel, session) => {
    const widget = new Widget({ node: element("div", { class: "sb-banner", role: "status" }) });
    panel.contentHeader.insertWidget(0, widget);

    function show() {
      const now = kind(session, specs);
      for (const one of KINDS) {
        panel.toggleClass(`sb-${one}`, one === now);
        widget.toggleClass(`sb-banner-${one}`, one === now);
      }
      panel.node.style.setProperty("--sb-tag", `"${now === "none" ? "" : word(`${now}Tag`)}"`);
      panel.title.className = [
        ...panel.title.className.split(" ").filter((part) => part && !part.startsWith("sb-tab-")),
        `sb-tab-${now}`,
      ].join(" ");
      widget.node.replaceChildren(
        picture(now),
        element("strong", {}, word(now)),
        element("span", { class: "sb-project", title }, project),
        element("span", { class: "sb-note" }, word(`${now}Note`)),
      );
    }

    async function ended(kernel) {
      const { kernels } = await state();
      const why = kernels[kernel]?.ending;
      if (why) warn(`${word("ended")}: ${why}. ${word("endedNote")}`);
    }

    session.kernelChanged.connect(show);
    session.statusChanged.connect((_, status) => {
      const kernel = session.session?.kernel?.id;
      if (kernel && (status === "autorestarting" || status === "dead")) ended(kernel).catch(console.error);
    });
    show();
  };
}
