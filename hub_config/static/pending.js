// Follows a server's start, and goes on to the server, or to the reason why there is none.
(function () {
  "use strict";
  const address = document.getElementById("pending").dataset.progress;
  const bar = document.getElementById("progress");
  const message = document.getElementById("progress-message");
  const source = new EventSource(address);

  source.onmessage = function (event) {
    const told = JSON.parse(event.data);
    if (told.progress !== undefined) {
      bar.value = told.progress;
    }
    if (told.ready || told.failed) {
      source.close();
      window.location.reload();
    } else if (told.html_message) {
      // The hub's own text, in both languages; nothing in it comes from a user.
      message.innerHTML = told.html_message;
    }
  };
  source.onerror = function () {
    source.close();
    window.setTimeout(function () {
      window.location.reload();
    }, 3000);
  };
})();
