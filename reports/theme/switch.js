(function () {
  var root = document.documentElement;
  // The platform shows a report in the language that was chosen there, and keeps the one that is chosen here;
  // it names the cookie (hub_config/static/language.js). A report by itself has none.
  var cookie = root.dataset.cookie;
  function chosen() {
    var named = /^#(da|en)(?:-|$)/.exec(location.hash);
    if (named) {
      return named[1];
    }
    return cookie && document.cookie.split("; ").indexOf(cookie + "=en") >= 0 ? "en" : "da";
  }
  function keep(language) {
    var secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie =
      cookie + "=" + language + "; path=/; domain=" + location.hostname + "; max-age=31536000; samesite=lax" + secure;
  }
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
      if (cookie) {
        keep(button.dataset.show);
      }
    });
  });
  show(chosen());
})();
