// Small pieces of a page: elements, pictures, and what the server tells.

// An element with attributes, and text or elements in it. Text is never read as HTML.
export function element(tag, attributes = {}, ...inner) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...inner);
  return made;
}

const PATHS = {
  // A closed lock, an outlined figure, a struck-out circle, an arrow to the left.
  register: "M7 10V7a5 5 0 0 1 10 0v3h1.5v11h-13V10zm2.5 0h5V7a2.5 2.5 0 0 0-5 0zm1.5 4v3.5h2V14z",
  synthetic:
    "M12 2a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zm0 2a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM4 21v-2a6 6 0 0 1 3-5.2l1 1.8A4 4 0 0 0 6 19v2zm6 0v-2h4v2zm8 0v-2a4 4 0 0 0-2-3.4l1-1.8a6 6 0 0 1 3 5.2v2z",
  none: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zm0 2a7 7 0 0 0-5.6 11.2l9.8-9.8A7 7 0 0 0 12 5zm5.6 2.8-9.8 9.8A7 7 0 0 0 17.6 7.8z",
  back: "M20 11H8l5-5-1.5-1.5L4 12l7.5 7.5L13 18l-5-5h12z",
};

export function picture(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

// The project's own addresses: JSON in, JSON out.
export function server({ ServerConnection }, { URLExt }) {
  const settings = ServerConnection.makeSettings();
  return async (path, { query = {}, body } = {}) => {
    const address = URLExt.join(settings.baseUrl, "sundbench", path) + URLExt.objectToQueryString(query);
    const request = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await ServerConnection.makeRequest(address, request, settings);
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.message || said.reason || answer.statusText);
    return said;
  };
}
