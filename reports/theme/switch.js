(function () {
  var root = document.documentElement;
  function show(language) {
    root.lang = language;
    root.dataset.language = language;
    document.querySelectorAll("[data-show]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.show === language));
    });
    document.title = document.querySelector("h1 [lang=" + language + "]").textContent;
  }
  document.querySelectorAll("[data-show]").forEach(function (button) {
    button.addEventListener("click", function () {
      show(button.dataset.show);
      history.replaceState(null, "", "#" + button.dataset.show);
    });
  });
  if (location.hash === "#en" || location.hash.indexOf("#en-") === 0) {
    show("en");
  }
})();
