// The language that was chosen last; loaded before the page is drawn, so that the other one is never seen.
(function () {
  "use strict";
  const root = document.documentElement;
  const key = "sundbench-language";

  function chosen() {
    try {
      return localStorage.getItem(key) === "en" ? "en" : "da";
    } catch {
      return "da";
    }
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
        try {
          localStorage.setItem(key, button.dataset.show);
        } catch {
          // The choice then holds for this page alone.
        }
        show(button.dataset.show);
      });
    });
  });
})();
