// The language that was chosen last; loaded before the page is drawn, so that the other one is never seen.
(function () {
  "use strict";
  const root = document.documentElement;

  function chosen() {
    return /(?:^|; )sundbench-language=en(?:;|$)/.test(document.cookie) ? "en" : "da";
  }

  // With its domain named, the cookie is also that of the hosts below, where people's servers may be.
  function keep(language) {
    const where = "; path=/; domain=" + location.hostname + "; max-age=31536000; samesite=lax";
    document.cookie =
      "sundbench-language=" + language + where + (location.protocol === "https:" ? "; secure" : "");
  }

  function show(language) {
    root.lang = language;
    root.dataset.language = language;
    document.querySelectorAll("[data-show]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.show === language));
    });
    const heading = document.querySelector("h1 [lang=" + language + "]");
    const brand = document.querySelector(".brand [lang=" + language + "]");
    if (heading && brand) {
      document.title = heading.textContent + " · " + brand.textContent;
    }
  }

  show(chosen());
  document.addEventListener("DOMContentLoaded", function () {
    show(chosen());
    document.querySelectorAll("[data-show]").forEach(function (button) {
      button.addEventListener("click", function () {
        keep(button.dataset.show);
        show(button.dataset.show);
      });
    });
  });
})();
