// How full the project's space is: told when it is nearly used up, asked for again each minute.
import { size } from "./words.js";

const EVERY = 60_000; // milliseconds

export function space({ state, chip, lang, word, warn }) {
  let told = false;

  async function look() {
    const { space: held } = await state();
    const full = held.used >= held.quota * 0.99;
    const said = `${word(full ? "spaceFull" : "spaceNear")}: ${size(held.used, lang)} / ${size(held.quota, lang)}`;
    chip.node.textContent = held.near ? said : "";
    chip.node.title = held.near ? word("spaceDo") : "";
    chip.setHidden(!held.near);
    if (held.near && !told) warn(`${said}. ${word("spaceDo")}`);
    told = held.near;
  }

  const again = () => look().catch((error) => console.warn("Sundbench:", error));
  again();
  setInterval(again, EVERY);
  return again;
}
