// Texts in Danish and English. Which one: JupyterLab's own language where one was chosen, else what the hub's pages show.
const WORDS = {
  register: { da: "REGISTERDATA", en: "REGISTER DATA" },
  registerNote: {
    da: "Rigtige mennesker under pseudonym. Del ikke skærmen.",
    en: "Real people under pseudonyms. Don't share your screen.",
  },
  registerTag: { da: "REG", en: "REG" },
  synthetic: { da: "SYNTETISKE DATA", en: "SYNTHETIC DATA" },
  syntheticNote: {
    da: "Opdigtede personer. Resultater siger intet om nogen.",
    en: "Invented persons. Results say nothing about anybody.",
  },
  syntheticTag: { da: "SYN", en: "SYN" },
  none: { da: "INGEN KERNE", en: "NO KERNEL" },
  noneNote: { da: "Vælg en kerne for at arbejde med data.", en: "Choose a kernel to work with data." },
  projects: { da: "Mine projekter", en: "My projects" },
  ended: { da: "Kernen stoppede", en: "The kernel ended" },
  endedNote: {
    da: "Dens variable er tabt; notebooken er det ikke.",
    en: "Its variables are lost; the notebook is not.",
  },
  spaceNear: { da: "Projektets plads er næsten brugt", en: "The project's space is nearly used up" },
  spaceFull: { da: "Projektets plads er brugt", en: "The project's space is used up" },
  spaceDo: {
    da: "Slet notebooks, som ingen bruger, eller bed driften om mere.",
    en: "Delete notebooks that nobody uses, or ask the operator for more.",
  },
  versions: { da: "Tidligere udgaver", en: "Earlier versions" },
  versionsOf: { da: "Tidligere udgaver af", en: "Earlier versions of" },
  versionsNone: { da: "Der er endnu ingen tidligere udgaver.", en: "There are no earlier versions yet." },
  versionsNote: {
    da: "Den nuværende udgave beholdes også.",
    en: "The version that you have now is kept too.",
  },
  openFirst: { da: "Åbn først en notebook eller fil.", en: "Open a notebook or file first." },
  restore: { da: "Hent tilbage", en: "Restore" },
  cancel: { da: "Fortryd", en: "Cancel" },
  nobody: { da: "fundet af Sundbench", en: "found by Sundbench" },
  packages: { da: "Pakker", en: "Packages" },
  packagesNote: {
    da: "Det, som kernerne har. Der er intet net: mangler du en pakke, så bed driften om den.",
    en: "What the kernels have. There is no network: if you miss a package, ask the operator for it.",
  },
  dask: { da: "Dasks instrumentbræt", en: "Dask dashboard" },
  daskNone: {
    da: "Kernen har ingen Dask-klynge: start den med LocalCluster() i notebooken.",
    en: "The kernel has no Dask cluster: start one with LocalCluster() in the notebook.",
  },
  openKernel: { da: "Åbn først en notebook, hvis kerne kører.", en: "Open a notebook first whose kernel runs." },
  find: { da: "Find en pakke", en: "Find a package" },
  ask: { da: "Bed om en pakke", en: "Ask for a package" },
  language: { da: "Sprog", en: "Language" },
  name: { da: "Pakkens navn", en: "The package's name" },
  why: { da: "Hvad skal den bruges til?", en: "What do you need it for?" },
  send: { da: "Send", en: "Send" },
  sent: { da: "Sendt til driften", en: "Sent to the operator" },
  version: { da: "Version", en: "Version" },
  failed: { da: "Det gik ikke", en: "That did not work" },
};

export function language(translator) {
  const lab = (translator.languageCode || "").toLowerCase();
  if (lab.startsWith("da")) return "da";
  if (lab && lab !== "default" && lab !== "en") return "en";
  return /(?:^|; )sundbench-language=en(?:;|$)/.test(document.cookie) ? "en" : "da";
}

export function words(lang) {
  return (key) => WORDS[key][lang];
}

export function size(bytes, lang) {
  const [unit, name] = bytes >= 2 ** 30 ? [2 ** 30, "GiB"] : [2 ** 20, "MiB"];
  return `${(bytes / unit).toLocaleString(lang, { maximumFractionDigits: 1 })} ${name}`;
}
